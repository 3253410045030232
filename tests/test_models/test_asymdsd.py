"""AsymDSD on tiny clouds: who sees what, who learns what, who owns what; sizes of the public models."""

import ast
from pathlib import Path

import pytest
import torch
from mmdet3d.registry import MODELS
from mmengine.config import Config
from torch.testing import assert_close

from dos_mm3d.errors import InputError
from dos_mm3d.models.backbones import PatchPredictor
from dos_mm3d.models.backbones.patch_transformer.layers import Block
from tests.helpers import asymdsd_nets as nets

FORMS = ('dual', 'mpm', 'cls')
SIZES = Path(__file__).resolve().parents[2] / 'configs/asymdsd/_base_sizes.py'


@pytest.mark.parametrize('form', FORMS)
def test_every_form_learns_all_that_it_has(form):
    model = nets.build(form)
    losses = model.train_step(dict(views=[nets.sample(seed, form) for seed in range(4)]), Wrapper(model))
    assert losses['loss'].isfinite()
    learnt = {name for name, value in model.named_parameters() if value.grad is not None and value.grad.any()}
    assert learnt == {name for name, value in model.student.named_parameters(prefix='student') if value.requires_grad}
    assert (model.student.encoder.cls_token is None) == (form == 'mpm')
    assert hasattr(model.student, 'predictor') == model.student.mask_token.requires_grad == (form != 'cls')


class Wrapper:
    """An optimiser that only looks at the gradients."""

    def __init__(self, model) -> None:
        self.model = model

    def optim_context(self, model):
        return torch.enable_grad()

    def update_params(self, loss) -> None:
        loss.backward()


@pytest.mark.parametrize('form', FORMS)
def test_the_logged_total_is_the_weighted_mean_of_the_terms(form):
    model = nets.build(form, koleo_weight=0.3)
    out = model(nets.batch(model, form))
    weights = dict(dual=dict(patch=1, cls=1, koleo=0.3), mpm=dict(patch=1, regression=1), cls=dict(cls=1, koleo=0.3))
    terms = weights[form]
    expected = sum(weight * out[name] for name, weight in terms.items()) / sum(terms.values())
    assert_close(nets.total(out), expected)
    if form != 'mpm':
        parts = [value for name, value in out.items() if name.startswith('cls_')]
        assert len(parts) == (3 if form == 'dual' else 2)
        assert_close(out['cls'], torch.stack(parts).mean())


def test_a_step_reduces_the_loss():
    model = nets.build()
    views = nets.batch(model)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=3e-3)
    values = []
    for _ in range(12):
        loss = nets.total(model(views))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        values.append(float(loss))
    assert values[-1] < 0.95 * values[0]


def test_half_precision_changes_little():
    model = nets.build()
    views = nets.batch(model)
    full = nets.total(model.eval()(views))
    with torch.autocast('cpu', dtype=torch.bfloat16):
        half = nets.total(model(views))
    assert half.dtype == torch.float32
    assert_close(half, full, rtol=0.02, atol=0)
    half.backward()
    assert all(value.grad is None or value.grad.isfinite().all() for value in model.parameters())


def test_a_query_never_sees_another_query():
    torch.manual_seed(0)
    predictor = PatchPredictor(12, channels=8, depth=2, heads=2).eval()
    token, positions, memory = torch.randn(12), torch.randn(2, 5, 12), torch.randn(2, 4, 12)
    together = predictor(token, positions, memory)
    for query in range(5):
        assert_close(predictor(token, positions[:, [query]], memory), together[:, [query]])
    moved = memory.clone()
    moved[0, 1] += 1
    changed = predictor(token, positions, moved) != together
    assert changed[0].any(1).all() and not changed[1].any()


def test_the_student_never_sees_a_hidden_patch():
    """What it predicts at hidden places stays the same whatever lies there; what the teacher says does not."""
    model = nets.build().eval()
    views = nets.batch(model)
    mask = views.masked[:1, :1]
    patches, centres = views.whole.patches[:1], views.whole.centres[:1]

    def of(patches: torch.Tensor) -> torch.Tensor:
        return model.predict(*model.student.encoder.embed(patches, centres), mask)[1]

    elsewhere = patches.clone()
    elsewhere[:, mask[0, 0]] += 1
    assert torch.equal(of(elsewhere), of(patches))
    elsewhere[:, ~mask[0, 0]] += 1
    assert not torch.equal(of(elsewhere), of(patches))


def test_a_position_is_added_before_every_block_and_never_to_cls():
    model = nets.build().eval()
    encoder, views = model.student.encoder, nets.batch(model)
    tokens, positions = encoder.embed(views.whole.patches, views.whole.centres)
    rows = torch.cat((encoder.cls_token.expand(len(tokens), 1, -1), tokens), 1)
    for block in encoder.blocks:
        rows = block(torch.cat((rows[:, :1], rows[:, 1:] + positions), 1))
    features = encoder(tokens, positions)
    assert_close(encoder.norm(rows[:, 0]), features.cls)
    assert_close(encoder.norm(rows[:, 1:]), features.patches)


def test_the_order_of_patches_and_of_points_in_them_is_irrelevant():
    model = nets.build().eval()
    encoder, whole = model.student.encoder, nets.batch(model).whole
    features = encoder(*encoder.embed(whole.patches, whole.centres))
    order = torch.randperm(nets.PATCHES)
    other = encoder(*encoder.embed(whole.patches[:, order].flip(2), whole.centres[:, order]))
    assert_close(other.cls, features.cls)
    assert_close(other.patches, features.patches[:, order])


def test_centres_move_once_a_pass_after_their_use_and_only_in_training():
    model = nets.build()
    views = nets.batch(model)
    first = model(views)
    moved = {name: part.centre.clone() for name, part in model.teacher.targets.items()}
    assert all(centre.any() for centre in moved.values())
    model.eval()
    model(views)
    assert all(torch.equal(part.centre, moved[name]) for name, part in model.teacher.targets.items())
    model.train()
    assert nets.total(model(views)) != nets.total(first)
    for name, part in model.teacher.targets.items():
        assert_close(part.centre, 1.9 * moved[name])  # the logits are the same: 0.1 x and then 0.09 x + 0.1 x


def test_the_teacher_is_in_eval_mode_and_moves_by_its_twins_alone():
    model = nets.build(encoder=dict(nets.settings()['encoder'], drop_path=0.5))
    assert model.training and not any(part.training for part in model.teacher.modules())
    views = nets.batch(model)
    assert_close(model.teach(views.whole).patches, model.teach(views.whole).patches, rtol=0, atol=0)
    student = {name: value.clone() for name, value in model.student.state_dict().items()}
    with torch.no_grad():
        for value in model.student.parameters():
            value += 1
    teacher = {name: value.clone() for name, value in model.teacher.state_dict().items()}
    model.update_teacher(0.75)
    assert student.keys() - teacher.keys() == {
        name for name in student if name.startswith(('predictor.', 'mask_token'))
    }
    assert teacher.keys() - student.keys() == {'targets.patch.centre', 'targets.cls.centre'}
    for name, value in model.teacher.state_dict().items():
        assert_close(value, teacher[name] + (0.25 if name in student else 0))


def test_temperatures_are_functions_of_the_step():
    model = nets.build()
    seen = []
    for step in (0, 1, 2, 3, 90):
        model.set_step(step, 60)
        seen.append([model.teacher.targets[name].temperature for name in ('cls', 'patch')])
    assert_close(
        torch.tensor(seen), torch.tensor([[0.04, 0.05], [0.055, 0.06], [0.07, 0.07], [0.07, 0.07], [0.07, 0.07]])
    )


def test_drop_path_leaves_out_whole_samples_and_keeps_the_mean():
    torch.manual_seed(0)
    block = Block(8, heads=2, drop_path=0.2)
    x, memory = torch.randn(10, 3, 8), torch.randn(10, 2, 8)
    block.norm2.weight.data.zero_()  # only the attention adds anything
    full = block.eval()(x, memory) - x
    block.train()
    changes = block(x, memory) - x
    kept = changes.flatten(1).any(1)
    assert int(kept.sum()) == 8
    assert_close(changes[kept], full[kept] / 0.8)
    alone = block(x[:1], memory[:1]) - x[:1]
    assert_close(alone, full[:1] / 0.8)


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(predictor=None), 'wanted patch with a predictor'),
        (dict(patch=None), 'wanted patch with a predictor'),
        (dict(patch=None, predictor=None, cls=None), r'got branches \[\]'),
    ],
)
def test_branches_that_do_not_fit_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        MODELS.build(nets.settings(**changes))


NUMBERS = {
    'student_temperature=0': 'student_temperature divides logits',
    'student_temperature=-0.1': 'student_temperature divides logits',
    'koleo_weight=-1': 'koleo_weight and regression_weight must be 0 or more',
    'regression_weight=-1': 'koleo_weight and regression_weight must be 0 or more',
    'patch.targets.temperature=(0.0, 0.07)': 'temperatures of the teacher',
    'patch.targets.temperature=(0.05, -0.07)': 'temperatures of the teacher',
    'cls.targets.warmup_share=10': 'warmup_share is a share',
    'cls.head.num_categories=1': '2 categories or more',
    'patch.head.hidden_channels=0': 'channels of 1 or more',
    'encoder.depth=0': 'depth is the number of blocks',
    'encoder.heads=0': 'wanted a multiple',
    'encoder.mlp_ratio=0': 'raise mlp_ratio',
    'predictor.depth=0': 'depth is the number of blocks',
}


@pytest.mark.parametrize('change', NUMBERS)
def test_numbers_that_cannot_be_are_refused_where_the_model_is_made(change):
    key, _, value = change.partition('=')
    settings = Config(dict(model=nets.settings()))
    settings.merge_from_dict({f'model.{key}': ast.literal_eval(value)})
    with pytest.raises(InputError, match=NUMBERS[change]):
        MODELS.build(settings.model.to_dict())


def test_views_that_lack_something_are_refused():
    model = nets.build()
    with pytest.raises(ValueError, match='got no mask'):
        model(nets.batch(model, 'cls'))
    with pytest.raises(ValueError, match='draw two'):
        model(nets.batch(model, 'mpm'))
    with pytest.raises(ValueError, match='2 of 4 clouds have local crops, 4 masks'):
        samples = [nets.sample(seed, form) for seed, form in enumerate(('mpm', 'dual', 'mpm', 'dual'))]
        model.data_preprocessor(dict(views=samples))
    views = nets.batch(model)
    views.masked[0, 0] = True
    with pytest.raises(ValueError, match='as many masked patches'):
        model(views)


@pytest.mark.parametrize(
    ('name', 'encoder', 'predictor', 'head', 'tensors', 'numbers'),
    [
        ('small', 21_786_240, 2_804_736, 2_763_008, 248, 57_437_824),
        ('small_mpm', 21_785_856, 2_804_736, 2_763_008, 227, 51_906_944),
        ('small_cls', 21_786_240, 0, 2_763_008, 188, 49_102_976),
        ('base', 91_484_928, 11_212_800, 3_156_224, 262, 206_816_512),
    ],
)
def test_sizes_of_the_public_models(name, encoder, predictor, head, tensors, numbers):
    """Counted in the public code's own state dicts."""
    with torch.device('meta'):
        model = MODELS.build(Config.fromfile(SIZES).asymdsd[name])

    def count(module: torch.nn.Module) -> int:
        return sum(value.numel() for value in module.parameters())

    assert count(model.student.encoder) == encoder
    assert count(getattr(model.student, 'predictor', torch.nn.Module())) == predictor
    assert {count(part) for part in model.student.heads.values()} == {head}
    assert len(model.state_dict()) == tensors
    assert sum(value.numel() for value in model.state_dict().values()) == numbers
