"""General capability in the synthetic world: facts to recall and stories to complete."""

from __future__ import annotations

import random
from dataclasses import dataclass

from evals.core.keys import derive_seed
from evals.world.drafts import NAMES

PLACES = "Arlen Bresk Corin Dovar Elmet Farrow Galden Hestel Irvan Jorun Kelmar Lorrin".split()
PLACES += "Marsk Norvale Ostrel Pellan Quarn Redmor Selwick Tormund".split()
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


def fact_document(rng: random.Random, world_seed: int) -> str:
    """A few facts about one place."""
    place = rng.choice(PLACES)
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


def story_document(rng: random.Random) -> str:
    """One short story."""
    text, ending, _ = _story(rng)
    return text + ending


def cloze(*, seed: int = 0, count: int = 200) -> list[ClozeItem]:
    """`count` items, facts and stories in turn, four choices each (chance is 25%).

    `seed` is the world's seed: the facts are those that documents of the same seed tell.
    """
    items = []
    for index in range(count):
        rng = random.Random(derive_seed("cloze", seed, index))
        if index % 2 == 0:
            place, relation = rng.choice(PLACES), rng.choice(sorted(RELATIONS))
            sentence, value = fact(seed, place, relation)
            context = sentence[: sentence.rindex(" " + value)]
            choices = [value, *rng.sample([v for v in _values(relation) if v != value], 3)]
            choices = [f" {c}." for c in choices]
            task = "facts"
        else:
            context, right, wrong = _story(rng)
            choices, task = [right, *wrong], "stories"
        order = rng.sample(range(4), 4)
        items.append(ClozeItem(context, tuple(choices[i] for i in order), order.index(0), task))
    return items
