"""The protocols by name. A new one is a module with a sub-class of `Protocol` and one line here."""

from ...errors import InputError
from .base import Protocol
from .cross_domain import CrossDomain
from .few_shot import FewShot
from .finetune import DecoderProbe, Finetune
from .linear_probe import LinearProbe
from .shares import Detection, LabelEfficiency

PROTOCOLS: dict[str, Protocol] = {
    protocol.name: protocol
    for protocol in (
        LinearProbe(),
        DecoderProbe(),
        Finetune(),
        LabelEfficiency(),
        Detection(),
        FewShot(),
        CrossDomain(),
    )
}


def protocol_named(name: str) -> Protocol:
    """ValueError with the names that there are."""
    if name not in PROTOCOLS:
        raise InputError(f'no protocol {name!r}; wanted one of {", ".join(PROTOCOLS)}')
    return PROTOCOLS[name]
