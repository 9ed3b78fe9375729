"""Text as a model, or whoever named a file, might write it."""

HOSTILE = (
    "</script><script>window.pwned = 1</script>",
    "</style><style>body { display: none }</style>",
    '<img src=x onerror="window.pwned = 2">',
    "\"'><svg onload=window.pwned=3><a href=javascript:window.pwned=4>",
    "{{ 7 * 7 }}{% raw %}<!-- ]]> -->",
    "$\\frac{1}{$ \\boxed{</p>}",
    "abc\u202etxt.exe\u2066 \u200b\ufeff",
    "".join(map(chr, range(32))) + "\x7f\x85\u2028\u2029",
    "lone \ud800 surrogate",
    "<iframe srcdoc='<script>parent.pwned=5</script>'></iframe><base href=//evil.invalid>",
    "<meta http-equiv=refresh content='0;url=//evil.invalid'>",
)
HUGE = "x" * 300_000
