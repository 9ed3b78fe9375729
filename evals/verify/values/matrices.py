"""Sums and products of matrices, worked out entry by entry."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from evals.verify.limits import MAX_MEMBERS, MAX_NODES, LimitError
from evals.verify.parse.cursor import expression
from evals.verify.tree import Expr, Matrix, Op, ParseError, Value, walk


def matrix_sum(terms: Sequence[Value]) -> Matrix:
    """The sum of matrices of one shape."""
    matrices = [t for t in terms if isinstance(t, Matrix)]
    shapes = {tuple(map(len, t.rows)) for t in matrices}
    if len(matrices) != len(terms) or len(shapes) != 1 or len(terms) * matrices[0].size > MAX_MEMBERS:
        raise ParseError("a sum of unlike matrices")
    columns = zip(*(t.rows for t in matrices), strict=True)
    return Matrix(tuple(tuple(Op("add", entries) for entries in zip(*rows, strict=True)) for rows in columns))


def matrix_product(left: Value, right: Matrix) -> Matrix:
    """A number times a matrix, or a matrix times a matrix."""
    if not isinstance(left, Matrix):
        scale = expression(left)
        return Matrix(tuple(tuple(Op("mul", (scale, entry)) for entry in row) for row in right.rows))
    if len(left.rows[0]) != len(right.rows):
        raise ParseError("a product of unlike matrices")
    if left.size * len(right.rows[0]) > MAX_MEMBERS:
        raise LimitError("members")
    columns = list(zip(*right.rows, strict=True))
    product = Matrix(tuple(tuple(_dot(row, column) for column in columns) for row in left.rows))
    if next(islice(walk(product), MAX_NODES, None), None) is not None:  # every product doubles its entries
        raise LimitError("size")
    return product


def _dot(row: Sequence[Expr], column: Sequence[Expr]) -> Expr:
    return Op("add", tuple(Op("mul", pair) for pair in zip(row, column, strict=True)))
