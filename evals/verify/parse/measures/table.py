"""The known units: symbols (their case counts: mm, Mm), names in several languages, counted things.

A unit is powers of dimensions and the factor to base units. Counted things ("apples", "ways") have no
conversion; their list is `nouns.txt`.
"""

from __future__ import annotations

from fractions import Fraction as F
from functools import cache
from pathlib import Path

Known = tuple[tuple[tuple[str, int], ...], F]

SI_PREFIXES = {
    "Y": F(10**24),
    "Z": F(10**21),
    "E": F(10**18),
    "P": F(10**15),
    "T": F(10**12),
    "G": F(10**9),
    "M": F(10**6),
    "k": F(1000),
    "h": F(100),
    "da": F(10),
    "d": F(1, 10),
    "c": F(1, 100),
    "m": F(1, 1000),
    "μ": F(1, 10**6),
    "µ": F(1, 10**6),
    "n": F(1, 10**9),
    "p": F(1, 10**12),
    "f": F(1, 10**15),
}
NAMED_PREFIXES = {
    "tera": F(10**12),
    "giga": F(10**9),
    "mega": F(10**6),
    "kilo": F(1000),
    "hecto": F(100),
    "deca": F(10),
    "deci": F(1, 10),
    "centi": F(1, 100),
    "milli": F(1, 1000),
    "micro": F(1, 10**6),
    "nano": F(1, 10**9),
    "pico": F(1, 10**12),
}
# symbol and names of units with SI prefixes: dimensions, factor
PREFIXED: dict[str, tuple[str, F]] = {
    "m meter metre": ("length", F(1)),
    "g gram gramme": ("mass", F(1)),
    "s second": ("time", F(1)),
    "A ampere amp": ("current", F(1)),
    "K kelvin": ("temperature", F(1)),
    "mol mole": ("amount", F(1)),
    "cd candela": ("light", F(1)),
    "N newton": ("mass length time-2", F(1000)),
    "J joule": ("mass length2 time-2", F(1000)),
    "W watt": ("mass length2 time-3", F(1000)),
    "Pa pascal": ("mass length-1 time-2", F(1000)),
    "Hz hertz": ("time-1", F(1)),
    "C coulomb": ("current time", F(1)),
    "V volt": ("mass length2 time-3 current-1", F(1000)),
    "Ω ohm": ("mass length2 time-3 current-2", F(1000)),
    "F farad": ("current2 time4 mass-1 length-2", F(1, 1000)),
    "T tesla": ("mass time-2 current-1", F(1000)),
    "Wb weber": ("mass length2 time-2 current-1", F(1000)),
    "H henry": ("mass length2 time-2 current-2", F(1000)),
    "S siemens": ("current2 time3 mass-1 length-2", F(1, 1000)),
    "lm lumen": ("lumen", F(1)),
    "lx lux": ("lux", F(1)),
    "Bq becquerel": ("becquerel", F(1)),
    "Gy gray": ("gray", F(1)),
    "Sv sievert": ("sievert", F(1)),
    "L liter litre": ("length3", F(1, 1000)),
    "l": ("length3", F(1, 1000)),
    "eV electronvolt": ("electronvolt", F(1)),
    "cal calorie": ("calorie", F(1)),
    "bar": ("mass length-1 time-2", F(10**8)),
    "B byte": ("byte", F(1)),
    "bit": ("bit", F(1)),
    "t tonne": ("mass", F(10**6)),
    "pc parsec": ("parsec", F(1)),
    "M molar": ("molar", F(1)),
    "Wh": ("mass length2 time-2", F(3600 * 1000)),
}
LIQUID = "gallon"
# written as here or with a plural s, in any case: dimensions, factor
PLAIN: dict[str, tuple[str, F]] = {
    "inch inche in": ("length", F(254, 10000)),
    "foot feet ft": ("length", F(3048, 10000)),
    "yard yd": ("length", F(9144, 10000)),
    "mile mi": ("length", F(1609344, 1000)),
    "angstrom ångström å": ("length", F(1, 10**10)),
    "lightyear ly": ("lightyear", F(1)),
    "acre": ("length2", F(40468564224, 10**7)),
    "hectare ha": ("length2", F(10000)),
    "cc": ("length3", F(1, 10**6)),
    "gallon gal": (LIQUID, F(1)),
    "quart qt": (LIQUID, F(1, 4)),
    "pint pt": (LIQUID, F(1, 8)),
    "cup": (LIQUID, F(1, 16)),
    "gm": ("mass", F(1)),
    "kilo": ("mass", F(1000)),
    "pound lb": ("mass", F(45359237, 10**5)),
    "ounce oz": ("mass", F(45359237, 16 * 10**5)),
    "ton": ("ton", F(1)),
    "sec": ("time", F(1)),
    "minute min": ("time", F(60)),
    "hour hr h": ("time", F(3600)),
    "day d": ("time", F(86400)),
    "night": ("night", F(1)),
    "week wk": ("time", F(604800)),
    "year yr": ("year", F(1)),
    "month mo": ("year", F(1, 12)),
    "decade": ("year", F(10)),
    "century": ("year", F(100)),
    "usd dollar buck": ("usd", F(1)),
    "cent ¢": ("usd", F(1, 100)),
    "penny pennie": ("usd", F(1, 100)),
    "dime": ("usd", F(1, 10)),
    "nickel": ("usd", F(1, 20)),
    "euro eur": ("euro", F(1)),
    "yuan rmb cny": ("yuan", F(1)),
    "yen jpy": ("yen", F(1)),
    "rupee inr rs": ("rupee", F(1)),
    "peso": ("peso", F(1)),
    "ruble rouble": ("ruble", F(1)),
    "won": ("won", F(1)),
    "franc": ("franc", F(1)),
    "sterling gbp": ("sterling", F(1)),
    "rad radian": ("angle", F(1)),
    "arcminute": ("arcminute", F(1)),
    "arcsecond": ("arcsecond", F(1)),
    "steradian sr": ("steradian", F(1)),
    "celsius centigrade": ("degree c", F(1)),
    "fahrenheit": ("degree f", F(1)),
    "mph": ("length time-1", F(1609344, 1000 * 3600)),
    "kph kmph kmh": ("length time-1", F(1000, 3600)),
    "fps": ("length time-1", F(3048, 10000)),
    "rpm": ("rpm", F(1)),
    "atm": ("atm", F(1)),
    "mmhg": ("mmhg", F(1)),
    "psi": ("psi", F(1)),
    "amu": ("amu", F(1)),
    "decibel db": ("decibel", F(1)),
    "horsepower hp": ("horsepower", F(1)),
    "knot": ("knot", F(1)),
    "th": ("th", F(1)),  # of an ordinal
    "am": ("am", F(1)),
    "pm": ("pm", F(1)),
}
# other scripts: as a known unit, or None for a counted thing
FOREIGN: dict[str, str | None] = {
    "厘米": "cm",
    "公分": "cm",
    "毫米": "mm",
    "分米": "dm",
    "米": "m",
    "千米": "km",
    "公里": "km",
    "里": None,
    "克": "g",
    "千克": "kg",
    "公斤": "kg",
    "毫克": "mg",
    "吨": "t",
    "斤": None,
    "升": "L",
    "毫升": "mL",
    "秒": "s",
    "秒钟": "s",
    "分": None,
    "分钟": "minute",
    "小时": "hour",
    "时": None,
    "天": "day",
    "日": None,
    "周": "week",
    "星期": "week",
    "月": None,
    "个月": "month",
    "年": "year",
    "岁": None,
    "元": "yuan",
    "块": None,
    "角": None,
    "美元": "usd",
    "欧元": "euro",
    "円": "yen",
    "원": "won",
    "度": None,
    "公顷": "hectare",
    "亩": None,
    "см": "cm",
    "мм": "mm",
    "дм": "dm",
    "м": "m",
    "км": "km",
    "г": "g",
    "кг": "kg",
    "мг": "mg",
    "т": "t",
    "л": "L",
    "мл": "mL",
    "с": "s",
    "мин": "minute",
    "ч": "hour",
    "руб": "ruble",
    "рублей": "ruble",
    "рубля": "ruble",
    "штук": None,
    "шт": None,
    "способов": None,
    "дней": "day",
    "часов": "hour",
}
CJK_COUNTED = frozenset(
    (
        "个 个人 个数 个解 人 件 位 個 冊 分 列 包 匹 双 只 台 名 名同学 名学生 回 块 "
        "头 套 家 对 层 岁 座 张 户 所 排 支 本 朵 条 杯 枚 枝 栋 根 桶 棵 次 步 "
        "段 片 班 瓶 盒 盘 碗 种 种不同的方法 种情况 种排法 种方法 种选法 箱 组 组解 节 "
        "行 袋 辆 通り 道 道题 间 页 项 颗 题 가지 개 권 마리 명 "
    ).split()
)
AREAS = {"平方": 2, "立方": 3}


def _powers(text: str) -> tuple[tuple[str, int], ...]:
    """ "mass length2 time-2" as powers; "degree c" is a name."""
    if text.startswith("degree "):
        return ((text, 1),)
    found = []
    for word in text.split():
        name = word.rstrip("-0123456789")
        found.append((name, int(word[len(name) :] or 1)))
    return tuple(found)


@cache
def symbols() -> dict[str, Known]:
    """Symbols in their case, with SI prefixes: m, Mm, kΩ."""
    found: dict[str, Known] = {}
    for names, (dimensions, factor) in PREFIXED.items():
        symbol = names.split()[0]
        for prefix, scale in SI_PREFIXES.items():
            found.setdefault(prefix + symbol, (_powers(dimensions), factor * scale))
    for names, (dimensions, factor) in PREFIXED.items():
        found[names.split()[0]] = (_powers(dimensions), factor)
    for word in ("min", "ft", "yd", "cd", "ha", "pt", "Pa", "h", "d", "pm", "PM"):  # not milli-inches, …
        found.pop(word, None)
    found["Pa"], found["cd"] = (_powers("mass length-1 time-2"), F(1000)), (_powers("light"), F(1))
    return found


@cache
def names() -> dict[str, Known]:
    """Names and abbreviations in lower case, in the singular."""
    found: dict[str, Known] = {}
    for words, (dimensions, factor) in PREFIXED.items():
        for word in words.split()[1:]:
            found[word] = (_powers(dimensions), factor)
            for prefix, scale in NAMED_PREFIXES.items():
                found[prefix + word] = (_powers(dimensions), factor * scale)
    for words, (dimensions, factor) in PLAIN.items():
        for word in words.split():
            found[word] = (_powers(dimensions), factor)
    return found


@cache
def nouns() -> frozenset[str]:
    """Things that are counted, in the plural or as they are."""
    return frozenset(Path(__file__).with_name("nouns.txt").read_text(encoding="utf-8").split())
