"""Recipes of fine-tuning: what is done to a downstream config so that it makes more of pretrained weights."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...errors import InputError
from ..runner import content_hash

Config = Mapping[str, Any]


@dataclass(frozen=True)
class Numbers:
    """Those that a part may be given.

    Args:
        words: for the error.
        hold: whether a number is one of them.
    """

    words: str
    hold: Callable[[float], bool]


SHARES = Numbers('more than 0 and at most 1', lambda number: 0 < number <= 1)
PARTS_OF_ALL = Numbers('more than 0 and less than 1', lambda number: 0 < number < 1)
STRENGTHS = Numbers('more than 0', lambda number: 0 < number < math.inf)
COUNTS = Numbers('a whole number, 1 or more', lambda number: number >= 1 and float(number).is_integer())
NONE = Numbers('no number', lambda number: False)


@dataclass(frozen=True)
class Part:
    """One thing that a recipe may do.

    Args:
        title: for the reader; `{}` stands for the number.
        change: (config, number, prefixes of the names of the pretrained weights that are taken) -> config.
        number: default.
        numbers: others that it may have.
        from_scratch: whether it needs no pretrained weights: then it is done from scratch too, in a row of its own.
    """

    title: str
    change: Callable[[Config, float, Sequence[str]], dict[str, Any]]
    number: float
    numbers: Numbers
    from_scratch: bool = False


def with_hook(config: Config, **hook: Any) -> dict[str, Any]:
    """The config with a hook more."""
    return {**config, 'custom_hooks': [*(config.get('custom_hooks') or []), hook]}


def with_own_groups(config: Config, prefixes: Sequence[str], **settings: float) -> dict[str, Any]:
    """The config with groups of parameters of their own for some prefixes, their rate scaled by `lr_mult` if given.
    Layer decay, which has a group for each depth, is replaced by a given rate, and else left."""
    wrapper = config['optim_wrapper']
    if wrapper.get('constructor') == 'LayerDecay':
        if not settings:
            return dict(config)
        wrapper = {key: value for key, value in wrapper.items() if key not in ('constructor', 'paramwise_cfg')}
    before = wrapper.get('paramwise_cfg') or {}
    keys = before.get('custom_keys') or {}
    keys = {**keys, **{prefix: {**keys.get(prefix, {}), **settings} for prefix in prefixes}}
    return {**config, 'optim_wrapper': {**wrapper, 'paramwise_cfg': {**before, 'custom_keys': keys}}}


def with_rates_kept(config: Config) -> dict[str, Any]:
    """The config with one-cycle schedules that leave each group its share of the rate."""
    schedules = [
        {**one, 'type': 'ProportionalOneCycleLR'} if one['type'] == 'OneCycleLR' else one
        for one in config.get('param_scheduler') or []
    ]
    return {**config, 'param_scheduler': schedules}


def new_decoder(config: Config, number: float, prefixes: Sequence[str]) -> dict[str, Any]:
    """load_from without the decoder. prefixes: here those of the decoder."""
    if not prefixes:
        raise InputError('new_decoder: the checkpoint has no decoder that could be left out; it is for MinkUNet')
    return with_hook(config, type='SkipWeightsHook', prefixes=list(prefixes))


def low_rate(config: Config, number: float, prefixes: Sequence[str]) -> dict[str, Any]:
    """A share of the learning rate for all that is pretrained."""
    return with_rates_kept(with_own_groups(config, prefixes, lr_mult=number))


def layer_decay(config: Config, number: float, prefixes: Sequence[str]) -> dict[str, Any]:
    """Rates that fall by a factor a layer towards the input."""
    rates = dict(constructor='LayerDecay', paramwise_cfg=dict(layer_decay=number))
    return with_rates_kept({**config, 'optim_wrapper': {**config['optim_wrapper'], **rates}})


def l2_sp(config: Config, number: float, prefixes: Sequence[str]) -> dict[str, Any]:
    """Decay towards the pretrained weights."""
    hook = dict(type='L2SPHook', prefixes=list(prefixes), strength=number)
    return with_hook(with_own_groups(config, prefixes), **hook)


def target_bn(config: Config, number: float, prefixes: Sequence[str]) -> dict[str, Any]:
    """BatchNorm statistics of training frames."""
    return with_hook(config, type='TargetBatchNormHook', prefixes=list(prefixes), frames=round(number))


def probe_head(config: Config, number: float, prefixes: Sequence[str]) -> dict[str, Any]:
    """The head begins as the linear probe; detectors have no such head."""
    if 'decode_head' not in config['model']:
        raise InputError(f'probe_head is for segmentors with a linear head, not for {config["model"]["type"]}')
    return with_hook(config, type='ProbeHeadHook', frames=round(number))


def frozen_start(config: Config, number: float, prefixes: Sequence[str]) -> dict[str, Any]:
    """What is pretrained stands still for a share of the steps."""
    return with_hook(config, type='FrozenStartHook', prefixes=list(prefixes), share=number)


def averaging(config: Config, number: float, prefixes: Sequence[str]) -> dict[str, Any]:
    """mmengine's moving average of weights and statistics is what is tested."""
    hook = dict(type='EMAHook', ema_type='ExponentialMovingAverage', momentum=number, update_buffers=True)
    return with_hook(config, **hook)


PARTS = {
    'new_decoder': Part('a new decoder', new_decoder, 0, NONE),
    'low_rate': Part('{} of the rate for the backbone', low_rate, 0.3, SHARES),
    'layer_decay': Part('rates that fall by {} a layer', layer_decay, 0.8, SHARES),
    'l2_sp': Part('decay of {} towards the pretrained weights', l2_sp, 1, STRENGTHS),
    'target_bn': Part('BatchNorm statistics of {} training frames', target_bn, 40, COUNTS),
    'probe_head': Part('the head begins as the probe of {} frames', probe_head, 40, COUNTS),
    'frozen_start': Part('the backbone frozen for {} of the steps', frozen_start, 0.4, PARTS_OF_ALL),
    'averaging': Part('weights averaged with momentum {}', averaging, 0.01, PARTS_OF_ALL, from_scratch=True),
}
"""Name -> part, in the order in which they change a config."""
EXCLUSIVE = ('low_rate', 'layer_decay')
DECODERS = ('decoder.',)
LONGEST_NAME = 60


@dataclass(frozen=True)
class Recipe:
    """Parts with their numbers, none for what the config says.

    Args:
        parts: name of a part -> its number, in the order of PARTS.
    """

    parts: tuple[tuple[str, float], ...] = ()

    @property
    def slug(self) -> str:
        """For names of rows, cells and files: `probe_head-low_rate_0.1`; empty for none."""
        return '-'.join(name if number == PARTS[name].number else f'{name}_{number:g}' for name, number in self.parts)

    @property
    def title(self) -> str:
        """For the reader; empty for none."""
        return ', '.join(PARTS[name].title.format(f'{number:g}') for name, number in self.parts)

    @property
    def from_scratch(self) -> 'Recipe':
        """What of it is done from scratch too."""
        return Recipe(tuple((name, number) for name, number in self.parts if PARTS[name].from_scratch))

    def applied(self, config: Config, prefixes: Sequence[str]) -> dict[str, Any]:
        """The config changed. prefixes: of the names of the pretrained weights, by part of the backbone."""
        decoder = [prefix for prefix in prefixes if prefix.endswith(DECODERS)]
        leaves_out = any(name == 'new_decoder' for name, _ in self.parts)
        taken = [prefix for prefix in prefixes if not (leaves_out and prefix in decoder)]
        for name, number in self.parts:
            config = PARTS[name].change(config, number, decoder if name == 'new_decoder' else taken)
        return dict(config)


PLAIN = Recipe()
"""What the config says."""


def read_recipe(text: str) -> Recipe:
    """`plain`, or parts joined by +, each with its number or the default one: `probe_head+low_rate=0.1`. InputError
    for what is none."""
    found: dict[str, float] = {}
    for part in () if text == 'plain' else text.split('+'):
        name, given, number = part.partition('=')
        if name not in PARTS or name in found:
            raise InputError(
                f'--recipe {text}: {name!r} is no part of a recipe, or stands there twice; wanted plain, or some of '
                f'{", ".join(PARTS)}, joined by +'
            )
        found[name] = _number(number, PARTS[name].numbers, text) if given else PARTS[name].number
    if len(set(EXCLUSIVE) & set(found)) > 1:
        raise InputError(f'--recipe {text}: {" and ".join(EXCLUSIVE)} both say what the rates are; wanted one of them')
    return Recipe(tuple((name, found[name]) for name in PARTS if name in found))


def table_name(recipes: Sequence[Recipe]) -> str:
    """Ending of the file name of a table of recipes, empty where all is plain."""
    names = ''.join(f'_{recipe.slug or "plain"}' for recipe in recipes)
    if list(recipes) == [PLAIN]:
        return ''
    return names if len(names) <= LONGEST_NAME else f'_{len(recipes)}_recipes_{content_hash(names)[:6]}'


def _number(text: str, wanted: Numbers, recipe: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not wanted.hold(number):
        raise InputError(f'--recipe {recipe}: found {text!r}, wanted {wanted.words}')
    return number
