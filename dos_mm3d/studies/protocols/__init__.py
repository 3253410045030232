"""Ways of judging a pretraining checkpoint, scratch baselines in the same table: tools/run_protocol.py."""

from .base import Column, Protocol, ProtocolArguments, Source, entry, row
from .registry import PROTOCOLS, protocol_named

__all__ = [
    'PROTOCOLS',
    'Column',
    'Protocol',
    'ProtocolArguments',
    'Source',
    'entry',
    'protocol_named',
    'row',
]
