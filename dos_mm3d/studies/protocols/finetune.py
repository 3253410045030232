"""Full fine-tuning and decoder probe: a segmentor trained from scratch and from a checkpoint."""

from .training import TrainingProtocol


class Finetune(TrainingProtocol):
    """Encoder, decoder and head are trained, from scratch and from DOS weights: mIoU, IoU per class, confusion."""

    name = 'finetune'
    title = 'Full fine-tuning'


class DecoderProbe(TrainingProtocol):
    """The pretrained encoder is frozen, a new decoder and head are trained over it; scratch is a frozen encoder of
    random weights. For backbones that are pretrained without a decoder (PTv3)."""

    name = 'decoder_probe'
    title = 'Decoder probe'

    def notes(self, args) -> list[str]:
        """What scratch is."""
        return [*super().notes(args), 'From scratch: the same decoder over a frozen encoder of random weights.']
