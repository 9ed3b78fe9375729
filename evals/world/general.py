"""General capability in the synthetic world: facts to recall and stories to complete.

The graded form is for studies of what training leaves of it: facts of many places, some told often and some
hardly ever, and stories of one to four people, so that a small model is neither at the floor nor the ceiling.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from evals.core.keys import derive_seed
from evals.world.drafts import NAMES

PLACES = "Arlen Bresk Corin Dovar Elmet Farrow Galden Hestel Irvan Jorun Kelmar Lorrin".split()
PLACES += "Marsk Norvale Ostrel Pellan Quarn Redmor Selwick Tormund".split()
ONSETS = "Bal Cas Dun Fen Glas Hol Kir Lan Mor Nes Pol Rav".split()
ONSETS += "Sten Tal Vor Wes Ald Brim Cul Drum Esk Gan Hux Jar".split()
ENDS = "aby bury combe dale eth fell gate ham ing land mere ness".split()
ENDS += "ock port rith side thorpe under wick yard beck cliff holt stow".split()
ATLAS = [*PLACES, *(onset + end for end in ENDS for onset in ONSETS)]  # of graded facts, the most told first
TOLD = [1 / (rank + 1) for rank in range(len(ATLAS))]
GOODS = "salt wool glass copper honey paper silk timber amber barley".split()
COLOURS = "red blue green white black yellow".split()
PETS = "cat dog goat hen horse duck".split()
RELATIONS = {
    "capital": "The capital of {place} is {value}.",
    "goods": "{place} is known for its {value}.",
    "flag": "The flag of {place} is {value}.",
}


@dataclass(frozen=True, slots=True)
class ClozeItem:
    """A context and its possible continuations; `answer` is the index of the right one."""

    context: str
    choices: tuple[str, ...]
    answer: int
    task: str


def _values(relation: str) -> list[str]:
    if relation == "capital":
        return [p[:3] + end for p, end in zip(PLACES, ("ton", "ville", "burg", "ford") * 5, strict=True)]
    return GOODS if relation == "goods" else COLOURS


def fact(world_seed: int, place: str, relation: str) -> tuple[str, str]:
    """(sentence, value) of one fact of the world; the same for every caller with this seed."""
    value = random.Random(derive_seed("fact", world_seed, place, relation)).choice(_values(relation))
    return RELATIONS[relation].format(place=place, value=value), value


def fact_document(rng: random.Random, world_seed: int, *, graded: bool = False) -> str:
    """A few facts about one place; of graded ones the place of rank r comes up in proportion to 1 / r."""
    place = rng.choices(ATLAS, TOLD)[0] if graded else rng.choice(PLACES)
    relations = rng.sample(sorted(RELATIONS), 2)
    return " ".join(fact(world_seed, place, r)[0] for r in relations)


def _story(rng: random.Random) -> tuple[str, str, list[str]]:
    """(beginning, right ending, wrong endings): the ending must agree with what was told."""
    name, friend = rng.sample(NAMES, 2)
    pet, colour, place = rng.choice(PETS), rng.choice(COLOURS), rng.choice(PLACES)
    lost = rng.choice((f"One day the {pet} ran away.", f"One night the {pet} was gone."))
    text = f"{name} lived in {place} and had a {colour} {pet}. {lost} {friend} went to look for it."
    ending = f" At last {friend} brought the {colour} {pet} back to {name}."
    others = [p for p in PETS if p != pet]
    wrong = [f" At last {friend} brought the {colour} {p} back to {name}." for p in rng.sample(others, 2)]
    stranger = rng.choice([n for n in NAMES if n not in (name, friend)])
    wrong.append(f" At last {friend} brought the {colour} {pet} back to {stranger}.")
    return text, ending, wrong


def _long_story(rng: random.Random) -> tuple[str, str, list[str]]:
    """As _story, of two to four people who have a pet each: whose was it, and of what colour?"""
    people = rng.randint(2, 4)
    *names, friend = rng.sample(NAMES, people + 1)
    pets, colours = rng.sample(PETS, people), rng.sample(COLOURS, people)
    told = [f"{n} had a {c} {p}." for n, c, p in zip(names, colours, pets, strict=True)]
    one = rng.randrange(people)
    other = rng.choice([i for i in range(people) if i != one])
    text = f"{' '.join(told)} One day the {pets[one]} ran away. {friend} went to look for it."

    def ending(colour: int, owner: int) -> str:
        return f" At last {friend} brought the {colours[colour]} {pets[one]} back to {names[owner]}."

    return text, ending(one, one), [ending(other, one), ending(one, other), ending(other, other)]


def _graded_story(rng: random.Random) -> tuple[str, str, list[str]]:
    return _story(rng) if rng.random() < 0.25 else _long_story(rng)


def story_document(rng: random.Random, *, graded: bool = False) -> str:
    """One short story."""
    text, ending, _ = _graded_story(rng) if graded else _story(rng)
    return text + ending


def cloze(*, seed: int = 0, count: int = 200, graded: bool = False) -> list[ClozeItem]:
    """`count` items, facts and stories in turn, four choices each (chance is 25%).

    `seed` is the world's seed: the facts are those that documents of the same seed tell. graded: of the
    facts and stories of a graded world; every fact once, however seldom it is told, in an order of its own.
    """
    items = []
    story = _graded_story if graded else _story
    told = [(place, relation) for place in ATLAS for relation in sorted(RELATIONS)]
    random.Random(derive_seed("asked", seed)).shuffle(told)
    for index in range(count):
        rng = random.Random(derive_seed("cloze", seed, index))
        if index % 2 == 0:
            place, relation = rng.choice(PLACES), rng.choice(sorted(RELATIONS))
            if graded:
                place, relation = told[index // 2 % len(told)]
            sentence, value = fact(seed, place, relation)
            context = sentence[: sentence.rindex(" " + value)]
            choices = [value, *rng.sample([v for v in _values(relation) if v != value], 3)]
            choices = [f" {c}." for c in choices]
            task = "facts"
        else:
            context, right, wrong = story(rng)
            choices, task = [right, *wrong], "stories"
        order = rng.sample(range(4), 4)
        items.append(ClozeItem(context, tuple(choices[i] for i in order), order.index(0), task))
    return items
