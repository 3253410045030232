"""AsymDSD against numbers of its public code (docs/objects.md, "What was checked").

The file is named by ASYMDSD_GOLDEN; by default it lies in the folder `shared` beside the repository. Sizes are the
file's. Every entry that it holds is computed here or is an input of such a computation.
"""

from typing import Any

import pytest
import torch
from mmdet3d.registry import MODELS
from torch.nn import functional as F

from dos_mm3d.export.asymdsd_names import TOKENS, public_name
from dos_mm3d.functional.collapse import marginal_entropy, posterior_entropy
from dos_mm3d.functional.patches import pooled_features
from dos_mm3d.functional.schedules import cosine_ramp, linear_warmup
from dos_mm3d.functional.self_distillation import (
    distillation_loss,
    distillation_loss_of_pairs,
    koleo_loss,
    moved_centre,
    target_distribution,
)
from dos_mm3d.metrics.part_iou import part_miou, shape_iou
from dos_mm3d.models.backbones import DeepPatchEmbedding
from dos_mm3d.models.backbones.patch_transformer.embedding import PositionEmbedding
from dos_mm3d.models.heads import ObjectClassifier, PartHead
from tests.helpers import asymdsd_golden as helper
from tests.helpers.asymdsd_golden import DTYPES, FORWARD, GRADIENT, LOSS, TRAJECTORY, close, compare

SECTIONS = {
    *('about', 'config', 'weights', 'data', 'a_encoder', 'b_masked', 'c_heads', 'd_losses', 'd_step', 'd_trajectory'),
    *('d_step_mpm_only', 'd_step_cls_only', 'e_masking', 'f_crops', 'g_fps_knn', 'h_downstream', 'i_schedules'),
    *('l_deep_patch_embedding', 'n_init'),
}
"""What this file and test_asymdsd_golden_views.py compute, and what they compute it from."""


@pytest.fixture(scope='module')
def golden() -> dict[str, Any]:
    return helper.read()


def test_no_section_is_left_out(golden):
    assert golden.keys() == SECTIONS


@pytest.mark.parametrize('dtype', DTYPES)
@torch.no_grad()
def test_encoders(golden, dtype):
    model = helper.build(golden, dtype=dtype).eval()
    batch = helper.views(golden, model, 'dual', dtype)
    ours = {}
    for kind, crops in dict(global_=batch.whole, local=batch.local).items():
        kind = kind.rstrip('_')
        ours |= {f'{kind}_patches': crops.patches, f'{kind}_centres': crops.centres}
        for side in ('student', 'teacher'):
            encoder = getattr(model, side).encoder
            tokens, positions = encoder.embed(crops.patches, crops.centres)
            features = encoder(tokens, positions)
            entry = dict(tokens=tokens, positions=positions, cls=features.cls, patches=features.patches)
            if 'hidden' in golden['a_encoder'][f'{side}.{kind}']:
                entry['hidden'] = torch.stack(list(encoder.hidden(tokens, positions)))
            ours[f'{side}.{kind}'] = entry
    compare(ours, golden['a_encoder'], FORWARD[dtype], 'a_encoder')


@pytest.mark.parametrize('dtype', DTYPES)
@torch.no_grad()
def test_masked_encoder_predictor_and_heads(golden, dtype):
    model = helper.build(golden, dtype=dtype).eval()
    batch = helper.views(golden, model, 'dual', dtype)
    embedded = model.student.encoder.embed(batch.whole.patches, batch.whole.centres)
    seen, predicted = model.predict(*embedded, batch.masked)
    ours = dict(visible_cls=seen.cls, visible_patches=seen.patches, predicted=predicted)
    compare(ours, golden['b_masked'], FORWARD[dtype], 'b_masked')
    whole = model.teacher.encoder(*model.teacher.encoder.embed(batch.whole.patches, batch.whole.centres))
    student, teacher = model.student.heads, model.teacher.heads
    ours = dict(
        student_patch_logits=student['patch'](predicted),
        student_patch_bottleneck=student['patch'].bottleneck(predicted),
        student_cls_masked_logits=student['cls'](seen.cls),
        teacher_patch_logits_uncentred=teacher['patch'](whole.patches),
        teacher_cls_logits_uncentred=teacher['cls'](whole.cls),
    )
    compare(ours, golden['c_heads'], FORWARD[dtype], 'c_heads')


@pytest.mark.parametrize('dtype', DTYPES)
def test_losses_on_free_tensors(golden, dtype):
    stored = golden['d_losses']
    tau, teacher_tau = stored['tau_student'], stored['tau_teacher']

    def free(entry: str, name: str) -> torch.Tensor:
        return stored[entry][name].to(dtype, copy=True).requires_grad_()

    def target(logits: torch.Tensor) -> torch.Tensor:
        return target_distribution(logits.to(dtype), torch.zeros((), dtype=dtype), temperature=teacher_tau)

    patch_target = target(stored['patch']['teacher_logits_centred'])
    student = free('patch', 'student_logits')
    patch = distillation_loss(student, patch_target, temperature=tau)
    patch.backward()

    cls_target = target(stored['cls']['teacher_logits_centred'])
    slots = {name: free('cls', name) for name in ('local', 'masked', 'unmasked')}
    targets = dict(local=cls_target, masked=cls_target, unmasked=cls_target[:, 1:])
    parts = [distillation_loss_of_pairs(slots[name], targets[name], temperature=tau) for name in slots]
    cls = torch.stack(parts).mean()
    cls.backward()

    embeddings = free('koleo', 'embeddings')
    koleo = koleo_loss(embeddings)
    koleo.backward()

    prediction = free('regression', 'prediction')
    regression = F.smooth_l1_loss(prediction, stored['regression']['target'].to(dtype), beta=2.0)
    regression.backward()

    weight = golden['config']['koleo']
    losses = dict(patch=patch, cls=cls, koleo=koleo, regression=regression)
    ours = dict(
        patch=dict(loss=patch, grad_student=student.grad),
        cls=dict(
            sub_losses=torch.stack(parts), loss=cls, **{f'grad_{name}': value.grad for name, value in slots.items()}
        ),
        koleo=dict(loss=koleo, grad=embeddings.grad),
        regression=dict(loss=regression, grad=prediction.grad),
    )
    inputs = dict(
        patch=('student_logits', 'teacher_logits_centred'),
        cls=('teacher_logits_centred', *slots),
        koleo=('embeddings',),
        regression=('prediction', 'target'),
    )
    for name, entry in ours.items():
        compare(entry, stored[name], GRADIENT[dtype], f'd_losses/{name}', inputs=inputs[name])
        close(losses[name], stored[name]['loss'], LOSS[dtype], f'd_losses/{name}/loss')
    duplicate = stored['koleo_duplicate']
    same = dict(loss=koleo_loss(duplicate['embeddings'].to(dtype)))
    compare(same, duplicate, LOSS[dtype], 'd_losses/koleo_duplicate', inputs=('embeddings',))
    entropies = {
        f'{name}_{kind}': entropy(distribution)
        for name, distribution in dict(cls=cls_target, patch=patch_target).items()
        for kind, entropy in dict(posterior=posterior_entropy, marginal=marginal_entropy).items()
    }
    compare(entropies, stored['entropies'], LOSS[dtype], 'd_losses/entropies')
    close((patch + cls + weight * koleo) / (2 + weight), stored['total'], LOSS[dtype], 'd_losses/total')
    centring = {'teacher_patch_logits', 'centre', 'momentum', 'tau_teacher', 'tau_student', 'centred', 'centre_after'}
    assert stored.keys() == {*ours, 'koleo_duplicate', 'entropies', 'total', *centring}


def test_centring(golden):
    stored = golden['d_losses']
    logits, centre = stored['teacher_patch_logits'].double(), stored['centre']
    # a distribution keeps its logits but for a constant of the row
    ours = stored['tau_teacher'] * target_distribution(logits, centre, temperature=stored['tau_teacher']).log()
    theirs = stored['centred'].double()
    close(ours - ours.mean(-1, keepdim=True), theirs - theirs.mean(-1, keepdim=True), 1e-6, 'd_losses/centred')
    after = moved_centre(centre, logits, momentum=stored['momentum'])
    close(after, stored['centre_after'], 1e-6, 'd_losses/centre_after')


@pytest.mark.parametrize('dtype', DTYPES)
@pytest.mark.parametrize(
    ('form', 'section'), [('dual', 'd_step'), ('mpm', 'd_step_mpm_only'), ('cls', 'd_step_cls_only')]
)
def test_a_step_of_each_form(golden, dtype, form, section):
    stored = golden[section]
    model = helper.build(golden, form, dtype)
    losses, gradients = helper.backward(model, helper.views(golden, model, form, dtype))
    given = dict.fromkeys(('mask', 'keys', 'grads', 'grad_norms', 'no_grad', 'grad_norm') & stored.keys())
    centres = {f'{name}_centering.after': part.centre for name, part in model.teacher.targets.items()}
    compare(losses | centres, stored, LOSS[dtype], section, inputs=given)
    assert set(stored['grad_norms']) == set(gradients)
    as_there = {
        name: value.view(stored['grads'][name].shape) for name, value in gradients.items() if name in stored['grads']
    }
    compare(as_there, stored['grads'], GRADIENT[dtype], f'{section}/grads')
    norms = {name: torch.linalg.vector_norm(value) for name, value in gradients.items()}
    compare(norms, stored['grad_norms'], GRADIENT[dtype], f'{section}/grad_norms')
    close(torch.stack(list(norms.values())).norm(), stored['grad_norm'], GRADIENT[dtype], f'{section}/grad_norm')
    parameters = {public_name(name, deep=False): value for name, value in model.named_parameters()}
    assert {name for name in parameters if not name.startswith('teacher.')} - set(gradients) == set(stored['no_grad'])
    names = [public_name(name, deep=False) for name in model.state_dict()]
    assert sorted(names) == sorted(stored.get('keys', golden['weights']))


@pytest.mark.parametrize('dtype', DTYPES)
def test_a_trajectory(golden, dtype):
    """Forward, in which centres move; backward, clip, step, teacher."""
    stored = golden['d_trajectory']
    model = helper.build(golden, 'dual', dtype)
    batch = helper.views(golden, model, 'dual', dtype)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], weight_decay=0.05)
    ours: dict[str, list] = {name: [] for name in ('loss', 'cls_loss', 'patch_loss', 'koleo_loss', 'grad_norm')}
    for step, learning_rate in enumerate(stored['lr'].tolist()):
        for branch, targets in model.teacher.targets.items():
            targets.temperature = float(stored[f'{branch}_teacher_temp'][step])
        losses, _ = helper.backward(model, batch)
        losses['grad_norm'] = torch.nn.utils.clip_grad_norm_(optimizer.param_groups[0]['params'], 10)
        optimizer.param_groups[0]['lr'] = learning_rate
        optimizer.step()
        model.update_teacher(float(stored['ema_decay'][step]))
        for name, values in ours.items():
            values.append(losses[name].detach())
    final = {public_name(name, deep=False): value for name, value in model.state_dict().items()}
    compare(
        {
            **{name: torch.stack(values) for name, values in ours.items()},
            'final_weights': {name: final[name].view(value.shape) for name, value in stored['final_weights'].items()},
            'final_sums': {name: torch.stack((value.sum(), value.abs().sum())) for name, value in final.items()},
        },
        stored,
        TRAJECTORY[dtype],
        'd_trajectory',
        inputs=('lr', 'ema_decay', 'cls_teacher_temp', 'patch_teacher_temp'),
    )


@pytest.mark.parametrize('dtype', DTYPES)
@torch.no_grad()
def test_pooled_features_and_mlp3(golden, dtype):
    stored = golden['h_downstream']
    model = helper.build(golden, dtype=dtype).eval()
    whole = helper.views(golden, model, 'dual', dtype).whole
    features = model.teacher.encoder(*model.teacher.encoder.embed(whole.patches, whole.centres))
    cls_mean, full = (pooled_features(*features, parts) for parts in (('cls', 'mean'), ('cls', 'mean', 'max')))
    ours = dict(
        raw_cls_mean=cls_mean,
        svm=F.normalize(cls_mean, dim=1),
        patches_only=F.normalize(pooled_features(None, features.patches, ('mean',)), dim=1),
        cls_mean_max=full,
        few_shot_mean_max_over_cls_and_patches=pooled_features(None, features.rows, ('mean', 'max')),
    )
    compare(ours, stored, FORWARD[dtype], 'h_downstream', inputs=('mlp3', 'segmentation', 'part_iou'))

    weights = stored['mlp3']['weights']
    linear = [value for name, value in weights.items() if value.ndim == 2]
    widths = [len(value) for value in linear]
    classifier = ObjectClassifier(linear[0].shape[1], widths[-1], hidden_channels=widths[:-1]).to(dtype)
    helper.load_renamed(classifier, weights, {'mlp.': ''}).eval()
    logits = classifier(full)
    ours = dict(
        logits=logits, ce_label_smoothing_02=F.cross_entropy(logits, stored['mlp3']['labels'], label_smoothing=0.2)
    )
    compare(ours, stored['mlp3'], FORWARD[dtype], 'h_downstream/mlp3', inputs=('weights', 'labels'))


@pytest.mark.parametrize('dtype', DTYPES)
@torch.no_grad()
def test_part_segmentation(golden, dtype):
    stored = golden['h_downstream']['segmentation']
    model = helper.build(golden, dtype=dtype).eval()
    encoder, whole = model.teacher.encoder, helper.views(golden, model, 'dual', dtype).whole
    embedded = encoder.embed(whole.patches, whole.centres)
    taken = golden['config']['seg_layers']
    layers = [encoder.split(rows).patches for block, rows in enumerate(encoder.hidden(*embedded)) if block in taken]
    weights = stored['weights']
    num_categories, category_channels = weights['label_embedding.weight'].shape
    head = PartHead(
        encoder.channels,
        len(taken),
        num_categories,
        len(weights['segmentation_head.7.weight']),
        upsample_channels=[len(weights[f'point_upsample.mlp.{layer}.weight']) for layer in (0, 3)],
        head_channels=[len(weights[f'segmentation_head.{layer}.weight']) for layer in (0, 4)],
        category_channels=category_channels,
    ).to(dtype)
    renamed = {'layer_norm.': 'norm.', 'point_upsample.mlp.': 'upsample.', 'label_embedding.': 'category.'}
    helper.load_renamed(head, weights, {**renamed, 'segmentation_head.': 'head.'}).eval()
    upsampled = []
    head.upsample.register_forward_pre_hook(lambda module, args: upsampled.append(args[0]))
    points = stored['points'].to(dtype)
    inputs = points, whole.centres, layers, encoder(*embedded).cls, stored['labels']
    shown = stored['upsampled_first_two_clouds'].shape
    ours = dict(
        logits=head(*inputs),
        upsampled_first_two_clouds=upsampled[0].view(*points.shape[:2], -1)[: shown[0], : shown[1]],
        logits_first_cloud_head_input=head.rows(*inputs)[: len(stored['logits_first_cloud_head_input'])],
    )
    compare(ours, stored, FORWARD[dtype], 'h_downstream/segmentation', inputs=('weights', 'labels', 'points'))


def test_part_iou(golden):
    stored = golden['h_downstream']['part_iou']
    parts, category = stored['parts_of_category'], stored['category']
    shapes = zip(stored['logits'], stored['target'].long(), category.tolist())
    ious = torch.tensor([shape_iou(logits.T, target, parts[one]) for logits, target, one in shapes])
    instance, of_classes = part_miou(ious, category)
    ours = dict(instance_miou=torch.tensor([instance]), class_miou=of_classes)
    inputs = ('logits', 'target', 'category', 'parts_of_category')
    compare(ours, stored, 1e-6, 'h_downstream/part_iou', inputs=inputs)


@pytest.mark.parametrize('dtype', DTYPES)
@torch.no_grad()
def test_deep_patch_embedding(golden, dtype):
    stored = golden['l_deep_patch_embedding']
    weights = {name: value for name, value in stored['weights'].items() if not name.startswith('position_embedding.')}
    first, second = golden['config']['pe_deep']
    width = golden['config']['D']
    embedding = DeepPatchEmbedding(width, first, second).to(dtype)
    names = {
        name: public_name(f'student.encoder.embedding.{name}', deep=True).split('patch_embedding.')[1]
        for name in embedding.state_dict()
    }
    assert sorted(names.values()) == sorted(weights)
    embedding.load_state_dict({name: weights[theirs] for name, theirs in names.items()})
    ours = dict(tokens=embedding(golden['a_encoder']['global_patches'].to(dtype)))
    compare(ours, stored, FORWARD[dtype], 'l_deep_patch_embedding', inputs=('weights',))
    positions = {name: value for name, value in stored['weights'].items() if name not in weights}
    beginning = 'position_embedding.position_embedding.'
    helper.load_renamed(PositionEmbedding(width), positions, {beginning: ''})


def test_schedules(golden):
    """The public S configuration: lr 1e-7 to 5e-4 in 10 epochs and back to 1e-6, both temperatures in 10 epochs."""
    stored = golden['i_schedules']
    epoch, epochs = stored['steps_per_epoch'], stored['epochs']
    total, warmup = epoch * epochs, 10 * epoch
    steps = stored['steps'].tolist()

    def warmed_up(step: int, start: float, peak: float, end: float, warmup: int, total: int) -> float:
        if step < warmup:
            return linear_warmup(step, warmup, start, peak)
        return cosine_ramp(step - warmup, total - warmup + 1, peak, end)

    ours = dict(
        lr=[warmed_up(step, 1e-7, 5e-4, 1e-6, warmup, total) for step in steps],
        ema=[cosine_ramp(step, total + 1, 0.995, 1.0) for step in steps],
        cls_temp=[linear_warmup(step, warmup, 0.04, 0.07) for step in steps],
        patch_temp=[linear_warmup(step, warmup, 0.05, 0.07) for step in steps],
    )
    given = ('steps', 'steps_per_epoch', 'epochs', 'two_stage_finetune')
    as_tensors = {name: torch.tensor(values, dtype=torch.float64) for name, values in ours.items()}
    compare(as_tensors, stored, 1e-6, 'i_schedules', inputs=given)
    # 50 epochs frozen, a line from 5e-4 to 5e-5; then from 0 to 2e-5 in 10 epochs, and back to 1e-7
    stored = stored['two_stage_finetune']
    epoch, epochs = stored['steps_per_epoch'], stored['epochs']
    frozen, total = 50 * epoch, epochs * epoch
    rates = [
        linear_warmup(step, frozen, 5e-4, 5e-5)
        if step < frozen
        else warmed_up(step - frozen, 0.0, 2e-5, 1e-7, 10 * epoch, total - frozen)
        for step in stored['steps'].tolist()
    ]
    ours = dict(lr=torch.tensor(rates, dtype=torch.float64))
    compare(ours, stored, 1e-6, 'two_stage_finetune', inputs=('steps', 'steps_per_epoch', 'epochs'))


def test_initialisation(golden):
    """Sd and largest magnitude of fresh tensors are those of other draws from the same distributions."""
    torch.manual_seed(0)
    model = MODELS.build(helper.settings(golden))
    fresh = {public_name(name, deep=False): value for name, value in model.state_dict().items()}
    stored = golden['n_init']
    assert stored and stored.keys() <= fresh.keys()
    for name, (sd, largest) in stored.items():
        value = fresh[name]
        if not largest:
            assert not value.any(), name
            continue
        # of a sample's sd the standard error is at most sd / sqrt(2 n) for these distributions; both sides are samples
        assert abs(value.std() / sd - 1) < 6 / value.numel() ** 0.5, name
        assert 0.6 < value.abs().max() / largest < 1.7, name
    assert not any(fresh[name].any() for name in fresh if name.endswith(('.bias', '.center')))
    assert all(fresh[name].any() for name in fresh if name.endswith(TOKENS))
