"""Two models of the hub, one verdict: python hub_pair.py BASE TUNED [PROBLEMS [N]].

The base is asked in plain text, the tuned one through its chat template; the card says that they were asked
differently, and the table "robustness" whether the verdict stays. Start again after any stop: it goes on.
"""

import subprocess
import sys

OUT = "runs/hub-pair"


def commands(base: str, tuned: str, problems: str = "math500", n: str = "64") -> list[list[str]]:
    """What is run: a look at both prompts, the comparison, the page."""
    return [
        ["evals", "prompt", "--ckpt", base, "--problems", problems, "--chat", "off"],
        ["evals", "prompt", "--ckpt", tuned, "--problems", problems, "--chat", "on"],
        [
            *["probes", "expand", "--ckpt", base, "--ckpt", tuned, "--chat", "off", "--chat", "on"],
            *["--problems", problems, "--n", n, "--temperature", "1", "--top-p", "1"],
            *["--base-shots", "0", "--base-shots", "2", "--out", OUT],
        ],
        ["reports", "html", OUT, "--out", f"{OUT}/report"],
    ]


if __name__ == "__main__":
    if not 3 <= len(sys.argv) <= 5:
        sys.exit(__doc__)
    for command in commands(*sys.argv[1:]):
        print("$", *command, flush=True)
        if code := subprocess.run(command).returncode:
            sys.exit(code)
