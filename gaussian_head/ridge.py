"""Ridge regression, and what it tells of stretches of time that it was not fitted to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor


def solve_normal(gram: Tensor, cross: Tensor, penalty: float | Tensor) -> Tensor:
    """Weights ``[A, K]`` that solve the normal equations with a penalty on their squares.

    Args:
        gram: ``[A, A]`` products of the inputs, summed over rows.
        cross: ``[A, K]`` products of inputs and outputs, summed over rows.
        penalty: of every input, or of each ``[A]``.
    """
    on_diagonal = torch.as_tensor(penalty, dtype=gram.dtype).expand(len(gram))
    return torch.linalg.solve(gram + torch.diag(on_diagonal), cross)


def ridge(x: Tensor, y: Tensor, penalty: float | Tensor) -> Tensor:
    """Weights ``[A, K]`` from inputs ``x [n, A]`` to outputs ``y [n, K]``; the penalty holds for each of the n rows."""
    return solve_normal(x.T @ x, x.T @ y, penalty * len(x))


def left_out(times: Tensor, folds: int | Sequence[int], gap: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
    """Blocks of consecutive rows, and the rows that each may be predicted from.

    Args:
        times: ``[n]`` rising, of each row.
        folds: number of blocks, or the rows at which all but the first begin (as `torch.tensor_split` takes them).
        gap: rows whose times lie this near to a block are not used for it either.

    Yields:
        Indices ``[b]`` of a block's rows and the mask ``[n]`` of those used; blocks without either are passed over.
    """
    for block in torch.arange(len(times)).tensor_split(folds):
        if len(block):
            first, last = times[block[0]], times[block[-1]]
            rest = (times < first - gap) | (times > last + gap)
            if rest.any():
                yield block, rest


def explained_in_blocks(x: Tensor, y: Tensor, penalty: float | Tensor, folds: int | Sequence[int]) -> Tensor:
    """Share ``[K]`` of the mean square of ``y [n, K]`` that ridge regression on ``x [n, A]`` removes.

    Each block of rows (see `left_out`) is predicted from the others. Below zero where predictions do harm; a row that
    no other can predict counts as not explained.
    """
    error = y.clone()
    for block, rest in left_out(torch.arange(len(x)), folds):
        error[block] = y[block] - x[block] @ ridge(x[rest], y[rest], penalty)
    return 1 - error.square().mean(0) / y.square().mean(0).clamp(min=1e-20)
