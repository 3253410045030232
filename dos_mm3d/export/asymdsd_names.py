"""Names of AsymDSD's tensors in its public code and here."""

import re

_SUBSTITUTIONS = (
    (r'^student\.mask_token$', 'mask_token'),
    (r'^teacher\.targets\.(patch|cls)\.centre$', r'teacher.\1_centering.center'),
    (r'\.encoder\.cls_token$', '.point_encoder.cls_token'),
    (r'\.encoder\.position\.', '.point_encoder.patch_embedding.position_embedding.position_embedding.'),
    (r'\.encoder\.blocks\.', '.point_encoder.encoder.stack.'),
    (r'\.encoder\.norm\.', '.point_encoder.encoder.norm.'),
    (r'\.heads\.(patch|cls)\.mlp\.', r'.\1_projection_head.mlp.mlp.'),
    (r'\.heads\.(patch|cls)\.bias$', r'.\1_projection_head.linear.bias'),
    (r'\.heads\.(patch|cls)\.gain$', r'.\1_projection_head.linear.parametrizations.weight.original0'),
    (r'\.heads\.(patch|cls)\.direction$', r'.\1_projection_head.linear.parametrizations.weight.original1'),
    (r'\.predictor\.blocks\.', '.predictor.module.stack.'),
    (r'\.predictor\.norm\.', '.predictor.module.norm.'),
    (r'\.predictor\.inward\.', '.predictor.embedding.'),
    (r'\.predictor\.outward\.', '.predictor.projection.'),
)
"""Ours -> theirs, one after the other."""
_IN_A_BLOCK = {
    'norm1.': '{attention}.norm.',
    'attn.': '{attention}.attn.',
    'norm2.': 'ffn.norm.',
    'mlp.0.': 'ffn.mlp.linear_1.',
    'mlp.2.': 'ffn.mlp.linear_2.',
}
_LAYERS = re.compile(
    r'^(?P<before>.*\.(?:encoder\.embedding\.(?P<stage>first|second)|mlp\.mlp))\.(?P<layer>\d+)(?P<rest>\..*)$'
)
TOKENS = ('mask_token', 'cls_token')
"""Rows (D,) here, (1, 1, D) there."""


def public_name(name: str, *, deep: bool) -> str:
    """The public code's name of a tensor of :class:`AsymDSD`; deep: with the large patch embedding."""
    for ours, theirs in _SUBSTITUTIONS:
        name = re.sub(ours, theirs, name)
    if block := re.fullmatch(
        r'(?P<before>.*\.stack\.\d+\.)(?P<part>norm1\.|attn\.|norm2\.|mlp\.0\.|mlp\.2\.)(?P<rest>.*)', name
    ):
        attention = 'cross_attn' if '.predictor.' in name else 'self_attn'
        return block['before'] + _IN_A_BLOCK[block['part']].format(attention=attention) + block['rest']
    if found := _LAYERS.match(name):
        return _public_layer(found, deep=deep)
    return name


def _public_layer(found: re.Match, *, deep: bool) -> str:
    """A layer of a sequence, which there has places for a norm and a dropout that are not used."""
    layer, stage = int(found['layer']), found['stage']
    if stage is None:  # of a head: linear, (norm), GELU, (dropout), linear
        return f'{found["before"]}.{2 * layer}{found["rest"]}'
    side = found['before'].split('.')[0]
    place = f'{side}.point_encoder.patch_embedding.point_embedding'
    if not deep:
        return f'{place}.block_{1 + (stage == "second")}.{layer}{found["rest"]}'
    # linear, norm, GELU, (dropout), linear
    return f'{place}.blocks.{int(stage == "second")}.mlp.{layer // 3 * 4 + layer % 3}{found["rest"]}'
