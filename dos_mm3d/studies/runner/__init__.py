"""The one engine of all studies: a study is a list of cells in a folder.

A `Cell` is one piece of work: commands in a folder of its own, what is read from the files that they leave, and what
the numbers depend on. A `Study` runs cells on a few workers and remembers what came of each: finished, failed,
collapsed, blocked (a cell that it comes after gave nothing) or not run. Whatever ends it, the same call goes on.

    cells = [Cell('train', {'seed': 0}, lambda folder: [tool_command('train', ..., '--resume')])]
    study = Study(cells, Path('work_dirs/mine'), title='mine')
    with study.locked() as children:
        study.run(children, workers=2)
    write_record(path, {'split': 'test', **study.record(command)}, text=..., figure=...)
"""

from .cell import Cell, CellFailed
from .children import Children, Interrupted, locked
from .record import content_hash, describe_machine, file_sha256, files_sha256, portable, write_record
from .study import Study
from .tool import StudyArguments, reported_before
