"""torchrun with an end of one sentence: where a process of a run fails, what it said is not buried in the launcher's
own traceback. Called by dist_train.sh and dist_test.sh with torchrun's arguments."""

import sys

from torch.distributed import DistError
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.elastic.rendezvous import RendezvousError
from torch.distributed.run import main


def start() -> int:
    """Run, and give the exit status: that of the process that failed first."""
    try:
        main()
    except ChildFailedError as error:
        rank, failure = error.get_first_failure()
        killed = failure.exitcode < 0
        how = f'was ended by {failure.signal_name()}' if killed else f'ended with status {failure.exitcode}'
        print(f'error: process {rank} of the run {how}, and with it the others; see above', file=sys.stderr)
        return 1 if killed else failure.exitcode
    except (DistError, RendezvousError) as error:
        print(f'error: the processes cannot meet: {error}. Is PORT free, and MASTER_ADDR machine 0?', file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(start())
