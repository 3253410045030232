"""Checks one after another, each in a forked process: a kernel that breaks the GPU's state breaks no other check."""

import time
import traceback
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from ...files import nan_to_none, read_json, write_json
from ..runner.cell import describe_failure
from ..runner.children import Children, locked
from ..runner.markdown import markdown_table
from .check import FAIL, PASS, SKIP, Check, CheckFailed, Line, NotHere, Place

OUTCOME = 'outcome.json'


def run_checks(checks: Sequence[Check], place: Place, *, seconds: float, tell: Callable[[Line], None]) -> list[Line]:
    """A line for each check, in order.

    Args:
        checks: what is asked.
        place: device and folder.
        seconds: for all of them; what would begin later is left out, what still runs then is ended.
        tell: is given every line as soon as it is known.
    """
    end, lines = time.monotonic() + seconds, []
    with locked(place.folder, what='GPU check') as lock:
        children = Children(lock)
        try:
            for check in checks:
                lines.append(run_check(check, place, children, left_s=end - time.monotonic()))
                tell(lines[-1])
        finally:
            children.end()
    return lines


def run_check(check: Check, place: Place, children: Children, *, left_s: float) -> Line:
    """One check, ended when its own limit or `left_s` seconds are over."""
    if check.needs_gpu and not place.on_gpu:
        return Line(SKIP, check.name, 0.0, f'no GPU: {check.needs_gpu}')
    if left_s <= 0:
        return Line(SKIP, check.name, 0.0, 'no time is left; ask for it alone with --only, or raise --minutes')
    folder = place.folder / check.name.replace('/', '_')
    (folder / OUTCOME).unlink(missing_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    work, limit_s = partial(carry_out, check, place, folder), min(check.limit_s, left_s)
    status, output = children.run(work, folder / 'log', limit_s=limit_s)
    taken_s = time.monotonic() - start
    if status == 0:
        return Line(name=check.name, seconds=round(taken_s, 2), **read_json(folder / OUTCOME))
    said = describe_failure(status, output, folder / 'log')['message']
    return Line(FAIL, check.name, round(taken_s, 2), ' '.join(said.split()))


def carry_out(check: Check, place: Place, folder: Path) -> None:
    """In the child: the work, and its outcome in a file. An error is an outcome; what kills the process is not."""
    try:
        found = check.work(place)
        outcome = {'outcome': PASS, 'said': found.said, 'facts': found.facts}
    except CheckFailed as failure:
        outcome = {'outcome': FAIL, 'said': str(failure), 'facts': failure.facts}
    except NotHere as reason:
        outcome = {'outcome': SKIP, 'said': str(reason)}
    except Exception as error:
        traceback.print_exc()
        outcome = {'outcome': FAIL, 'said': f'{type(error).__name__}: {" ".join(str(error).split())[:400]}'}
    write_json(folder / OUTCOME, nan_to_none(outcome))


def table(lines: Sequence[Line]) -> str:
    """All lines in GitHub's dialect, and the sum."""
    rows = [[line.outcome, line.name, f'{line.seconds:.1f}', line.said.replace('|', '\\|')] for line in lines]
    outcomes = [line.outcome for line in lines]
    counts = [f'{outcomes.count(FAIL)} failed', f'{outcomes.count(PASS)} passed', f'{outcomes.count(SKIP)} skipped']
    return f'{markdown_table(("outcome", "check", "seconds", "number"), rows)}\n\n{", ".join(counts)}'
