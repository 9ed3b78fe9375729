"""The vocabulary of the parser: commands, functions, Greek letters, unicode, words."""

from __future__ import annotations

GREEK = (
    "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi omicron "
    "rho sigma tau upsilon phi varphi chi psi omega Gamma Delta Theta Lambda Xi Sigma Upsilon Phi Psi Omega "
    "ell hbar partial nabla mho aleph varnothingless Re Im odot"
).split()
FUNCTIONS = (
    "sin cos tan sec csc cot arcsin arccos arctan arcsec arccsc arccot sinh cosh tanh coth sech csch "
    "ln log lg exp asin acos atan arctg tg ctg cosec arcsinh arccosh arctanh erf sgn abs"
).split()
RENAMED = {
    "asin": "arcsin",
    "acos": "arccos",
    "atan": "arctan",
    "arctg": "arctan",
    "tg": "tan",
    "ctg": "cot",
    "cosec": "csc",
    "lg": "log",
}
BIG = ("sum", "prod", "int", "iint", "iiint", "oint", "lim", "limsup", "liminf")
CALLED = ("det", "gcd", "lcm", "max", "min", "sup", "inf", "argmax", "argmin")
TEXT_COMMANDS = (
    "text textbf textit textrm textsf texttt textnormal textup textsc mbox hbox mathrm mathbf mathit mathsf "
    "mathtt mathcal mathscr mathfrak mathbb Bbb bm boldsymbol operatorname emph underline rm bf it sf"
).split()
DECORATIONS = (
    "overline bar vec hat widehat tilde widetilde dot ddot overrightarrow overleftarrow overleftrightarrow "
    "overset underset angle triangle measuredangle arc wideparen square"
).split()
MATRICES = ("matrix", "pmatrix", "bmatrix", "Bmatrix", "vmatrix", "Vmatrix", "smallmatrix", "array")
ALIGNED = ("cases", "aligned", "align", "gather", "gathered", "equation", "split", "alignedat", "center")
MONIES = {
    "textdollar": "usd",
    "texteuro": "euro",
    "pounds": "pounds sterling",
    "euro": "euro",
    "pound": "pounds sterling",
    "yen": "yen",
    "rupee": "rupee",
}
DROPPED = (
    "left right big Big bigg Bigg bigl bigr Bigl Bigr biggl biggr Biggl Biggr displaystyle textstyle limits "
    "nolimits scriptstyle mathstrut strut middle quad qquad thinspace enspace space hfill noindent "
    "tiny scriptsize footnotesize small normalsize large Large LARGE huge Huge "
    "thickspace medspace negthinspace allowbreak nobreak ensuremath"
).split()
RELATIONS = {
    "=": "=",
    "==": "=",
    ":=": "=",
    "<": "<",
    ">": ">",
    "<=": "<=",
    ">=": ">=",
    "=<": "<=",
    "!=": "!=",
    "\\lt": "<",
    "\\gt": ">",
    "\\le": "<=",
    "\\leq": "<=",
    "\\leqslant": "<=",
    "\\leqq": "<=",
    "\\ge": ">=",
    "\\geq": ">=",
    "\\geqslant": ">=",
    "\\geqq": ">=",
    "\\ne": "!=",
    "\\neq": "!=",
    "\\approx": "~",
    "\\simeq": "~",
    "\\doteq": "~",
    "\\approxeq": "~",
    "\\in": "in",
    "\\equiv": "=",
}
OPERATORS = {
    "\\cdot": "*",
    "\\times": "*",
    "\\ast": "*",
    "*": "*",
    "\\div": "/",
    "/": "/",
    "**": "^",
    "\\{": "\\{",
    "\\}": "\\}",
    "\\lbrace": "\\{",
    "\\rbrace": "\\}",
    "\\lbrack": "[",
    "\\rbrack": "]",
    "\\langle": "<(",
    "\\rangle": ")>",
    "\\lvert": "|",
    "\\rvert": "|",
    "\\vert": "|",
    "\\mid": "|",
    "\\|": "||",
    "\\Vert": "||",
    "\\lVert": "||",
    "\\rVert": "||",
    "\\colon": ":",
    "\\%": "%",
    "%": "%",
    "\\degree": "deg",
    "\\degrees": "deg",
    "\\cup": "cup",
    "\\bigcup": "cup",
    "\\cap": "cap",
    "\\setminus": "setminus",
    "\\backslash": "setminus",
    "\\pm": "pm",
    "\\mp": "mp",
    "\\lor": "or",
    "\\vee": "or",
    "\\land": "and",
    "\\wedge": "and",
    "\\prime": "'",
    "\\lfloor": "\\lfloor",
    "\\rfloor": "\\rfloor",
    "\\lceil": "\\lceil",
    "\\rceil": "\\rceil",
    "\\circ": "\\circ",
    "\\top": "\\top",
    "\\to": "\\to",
    "\\over": "over",
    "\\choose": "choose",
    "\\rightarrow": "\\to",
}
WORDS = {
    "and": "and",
    "or": "or",
    "percent": "%",
    "pct": "%",
    "percentage": "%",
    "degree": "deg",
    "degrees": "deg",
    "deg": "deg",
    "to": ":",
    "per cent": "%",
    "或": "or",
    "或者": "or",
    "和": "and",
    "与": "and",
    "及": "and",
    "以及": "and",
    "且": "and",
    "または": "or",
    "と": "and",
    "또는": "or",
}
NUMBER_WORDS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen twenty"
).split()
TENS = dict(
    zip("twenty thirty forty fifty sixty seventy eighty ninety".split(), range(20, 100, 10), strict=True)
)
SCALES = {"hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
SCALES |= {"quadrillion": 10**15, "quintillion": 10**18, "lakh": 10**5, "lakhs": 10**5}
SCALES |= {"crore": 10**7, "crores": 10**7}
SHORT_SCALES = {
    "bn": 10**9,
    "mn": 10**6,
    "mln": 10**6,
    "tn": 10**12,
    "百": 100,
    "千": 1000,
    "万": 10**4,
    "萬": 10**4,
    "亿": 10**8,
    "億": 10**8,
}
MONEY_SCALES = {"K": 10**3, "k": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}
FRACTIONS = {"half": 2, "halves": 2, "third": 3, "quarter": 4, "fourth": 4, "fifth": 5, "sixth": 6}
FRACTIONS |= {"seventh": 7, "eighth": 8, "ninth": 9, "tenth": 10, "twelfth": 12, "hundredth": 100}
FRACTIONS |= {"thousandth": 1000}
FRACTIONS |= {name + "s": value for name, value in FRACTIONS.items() if name not in ("half", "halves")}
BASE_WORDS = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9}
BASE_WORDS |= {"ten": 10, "eleven": 11, "twelve": 12, "sixteen": 16}
VARIABLE_GROUPS = ("abcd", "xyzw", "ijkmn", "pqrst", "uvw", "abc", "XYZ")
