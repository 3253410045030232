"""Ways of judging a pretraining checkpoint, scratch baselines in the same table: tools/run_protocol.py.

A new one is a module with a sub-class of `Protocol` and one line here."""

from .base import Protocol, ProtocolArguments
from .cross_domain import CrossDomain
from .finetune import DecoderProbe, Detection, Finetune, LabelEfficiency
from .linear_probe import FewShot, LinearProbe
from .objects import OBJECT_PROTOCOLS

PROTOCOLS: dict[str, type[Protocol]] = {
    protocol.name: protocol
    for protocol in (
        *(LinearProbe, DecoderProbe, Finetune, LabelEfficiency, Detection, FewShot, CrossDomain),
        *OBJECT_PROTOCOLS,
    )
}
