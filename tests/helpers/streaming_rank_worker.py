"""What each of two processes computes for test_streaming_ranks.py; a module of its own so that spawn can import it."""

import torch
import torch.distributed as dist

from dos_mm3d.functional import streaming_column_entropies, streaming_softmap_loss, zipf_prior
from tests.helpers.streaming_cases import TEMPERATURES, case, plain_loss, value_and_gradients

K = 12
SPLITS = {'uneven': (37, 150), 'one rank without points': (0, 60), 'one point': (1, 0)}
PRIOR = zipf_prior(K, 1.3)
SETTINGS = dict(n_iters=3, **TEMPERATURES)


def run_split(split: tuple[int, int], rank: int | None) -> dict[str, list[torch.Tensor]]:
    """Loss and gradients of both forms and the entropies, of this rank's share or (rank None) of all points."""
    student, teacher, prototypes = case(sum(split), K)
    group = None if rank is None else dist.group.WORLD
    if rank is not None:
        student, teacher = student.split(split)[rank], teacher.split(split)[rank]
    fixed = prototypes.clone()

    def streaming(x, q):
        return streaming_softmap_loss(x, teacher, q, PRIOR, process_group=group, **SETTINGS)

    def plain(x, q):
        return plain_loss(x, teacher, q, PRIOR, n_iters=3, teacher_prototypes=fixed, process_group=group)

    out = {form.__name__: value_and_gradients(form, student, prototypes) for form in (streaming, plain)}
    if sum(split) > 1:
        entropies = streaming_column_entropies(student, teacher, prototypes, PRIOR, process_group=group, **SETTINGS)
        out['entropies'] = list(entropies)
    return out


def refusal() -> str:
    """What both ranks are told when none of them has a point."""
    student, teacher, prototypes = case(0, K)
    try:
        streaming_softmap_loss(student, teacher, prototypes, PRIOR, process_group=dist.group.WORLD, **SETTINGS)
    except ValueError as error:
        return str(error)
    return ''


def work(rank: int, store: str, out: str) -> None:
    """Run every case as one of two gloo ranks and save what this rank saw."""
    torch.set_num_threads(1)
    dist.init_process_group('gloo', init_method=f'file://{store}', rank=rank, world_size=2)
    seen = {name: run_split(split, rank) for name, split in SPLITS.items()}
    torch.save(dict(seen, refusal=refusal()), f'{out}.{rank}')
    dist.destroy_process_group()
