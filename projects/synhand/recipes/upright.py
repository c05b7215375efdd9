"""Data for networks that read hands which point up, or that find these."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from synhand.recipes.data import BOX_PADDING, changed_steps, synthetic_data
from synhand.recipes.models import codec, latent25d_model
from synhand.recipes.schedules import schedule

MILD_PHOTOMETRY = dict(
    tone=0.7,
    brightness=0.1,
    contrast=0.25,
    gamma=0.35,
    gain=0.1,
    colour=0.4,
    saturation=0.35,
    hue=8.0,
    blur=0.2,
    noise=0.3,
    noise_sigma=8.0,
)
"""Of `PhotometricJitter`: hands stay as visible as in most photos."""

NO_PHOTOMETRY = dict(tone=0.0, colour=0.0, blur=0.0, noise=0.0, jpeg=0.0)
"""Of `PhotometricJitter`: images as they were rendered, whose exposure, light
and sensor vary already."""

RARE_PHOTOMETRY = dict(
    MILD_PHOTOMETRY, tone=0.35, colour=0.2, blur=0.1, noise=0.15, jpeg=0.075
)
"""Of `PhotometricJitter`: half as often."""

GRAY_PHOTOMETRY = dict(
    RARE_PHOTOMETRY,
    brightness=0.2,
    contrast=0.35,
    colour=0.3,
    saturation=0.6,
    colourless=0.2,
)
"""Of `PhotometricJitter`: one image in 17 without colours, light that washes
hands out."""

WIDE_WINDOWS = dict(rotation=60.0, lost=0.1)
"""Of `upright_data`: any window that a first look may find."""

UPRIGHT_PADDING = 1.3
"""Side of the crop in longer sides of the turned keypoints' box."""

CLOSE_WINDOWS = dict(
    padding=1.2, rotation=45.0, scale=(0.85, 1.18), shift=0.06, lost=0.1
)
"""Of `upright_data`: windows whose place and size a box of the hand gives, as
`TwoLookEstimator` finds and turns them."""

PHOTO_EDGES = dict(prob=0.25, cut=(-0.15, 0.35))
"""Of `PhotoEdge`: one hand in four ends at or near the photo's edge."""

CUT_WINDOWS = dict(CLOSE_WINDOWS, edges=PHOTO_EDGES)
"""The same, some of hands that leave the photo."""


def upright_data(
    input_size: Sequence[int],
    batch_size: int,
    padding: float = UPRIGHT_PADDING,
    rotation: float = 40.0,
    scale: Sequence[float] = (0.8, 1.25),
    shift: float = 0.08,
    lost: float = 0.06,
    edges: Mapping | None = None,
    photometry: Mapping = MILD_PHOTOMETRY,
) -> dict:
    """`synthetic_data` whose crops are turned upright by the true keypoints.

    Training varies them about as much as a first network errs; validation and
    test do not. Colours, backgrounds and occluders are changed less than
    `train_pipeline` does: the generator varies them already.

    Args:
        input_size: (W, H) of the crop in pixels.
        batch_size: Samples a batch and process.
        padding: Side of the crop; see `UprightHandBox`.
        rotation: Largest rotation away from upright in degrees.
        scale: Smallest and largest factor of the crop's side.
        shift: Largest shift, of the crop's side.
        lost: Probability of any direction.
        edges: Of `train_pipeline`.
        photometry: Arguments of `PhotometricJitter`.
    """
    data = synthetic_data(input_size, batch_size, edges=edges)
    changes = dict(
        GetBBoxCenterScale=dict(type='UprightHandBox', padding=padding),
        LoadShardImage=dict(coverage=0.0),
    )
    training_changes = dict(
        GetBBoxCenterScale=dict(changes['GetBBoxCenterScale'], lost=lost),
        RandomHandBox=dict(
            rotate_factor=rotation,
            scale_factor=tuple(scale),
            shift_factor=shift,
        ),
        **_eased(photometry),
    )
    _change(data, 'train', training_changes)
    _change(data, 'val', changes)
    _change(data, 'test', changes)
    return data


def _eased(photometry: Mapping) -> dict[str, Mapping]:
    """Changes of steps that change less what the generator varies already."""
    return dict(
        LoadShardImage=dict(coverage=0.5),
        RandomOcclusion=dict(prob=0.15),
        PhotometricJitter=photometry,
    )


def _change(data: dict, role: str, changes: dict[str, Mapping]) -> None:
    dataset = data[f'{role}_dataloader']['dataset']
    dataset['pipeline'] = changed_steps(dataset['pipeline'], changes)


def reader_step(
    input_size: Sequence[int],
    samples: int,
    lr: float = 8e-4,
    photometry: Mapping = MILD_PHOTOMETRY,
    windows: Mapping = WIDE_WINDOWS,
    validate_every: int = 200_000,
    batch_size: int = 128,
) -> dict:
    """A step of the reader's training: data, schedule, from a `load_from`.

    Args:
        input_size: (W, H) of the crop in pixels.
        samples: Samples to train with, over all processes.
        lr: Learning rate after the warm-up.
        photometry: Arguments of `PhotometricJitter`.
        windows: Other arguments of `upright_data`.
        validate_every: Samples between validations and checkpoints.
        batch_size: Samples a step, over all processes.
    """
    data = upright_data(
        input_size, batch_size, photometry=photometry, **windows
    )
    return dict(**data, **_step(samples, batch_size, lr, validate_every))


def crop_step(
    input_size: Sequence[int],
    samples: int,
    lr: float = 1e-3,
    validate_every: int = 200_000,
    batch_size: int = 128,
) -> dict:
    """The same of a network that reads crops as boxes cut them.

    Some hands leave the photo; colours, backgrounds and occluders are changed
    as for the reader.

    Args:
        input_size: (W, H) of the crop in pixels.
        samples: Samples to train with, over all processes.
        lr: Learning rate after the warm-up.
        validate_every: Samples between validations and checkpoints.
        batch_size: Samples a step, over all processes.
    """
    data = synthetic_data(input_size, batch_size, edges=PHOTO_EDGES)
    _change(data, 'train', _eased(GRAY_PHOTOMETRY))
    return dict(**data, **_step(samples, batch_size, lr, validate_every))


def _step(
    samples: int, batch_size: int, lr: float, validate_every: int
) -> dict:
    return schedule(
        samples=samples,
        batch_size=batch_size,
        lr=lr,
        warmup_samples=5_000,
        validate_every=validate_every,
    )


def two_look_model(
    features: dict,
    in_channels: int,
    window_size: Sequence[int],
    crop_size: Sequence[int],
    first: dict,
    first_weights: str,
    side_channels: int | None = None,
    turns: Sequence[float] = (),
    around: Sequence[float] = (),
    bone_stiffness: float = 0.0,
    keypoint_prior: bool = False,
    **head: object,
) -> dict:
    """A latent 2.5D model that reads windows which another one finds.

    Args:
        features: `backbone` and, if any, `neck` of the reader.
        in_channels: Channels of the map that its head reads.
        window_size: (W, H) of the reader's input in pixels, W = H.
        crop_size: (W, H) of the crops in pixels, W = H.
        first: Config of the model that finds the windows.
        first_weights: A checkpoint of two looks; its first one is taken
            where training starts.
        side_channels: See `TwoLookEstimator`.
        turns: See `TwoLookEstimator`.
        around: See `TwoLookEstimator`.
        bone_stiffness: See `HandPoseEstimator`.
        keypoint_prior: See `HandPoseEstimator`.
        **head: Further arguments of `Latent25DHead`.
    """
    reader = latent25d_model(
        features, in_channels=in_channels, input_size=window_size, **head
    )
    reader['head']['decoder'] = codec(crop_size)
    reader['test_cfg']['looks'] = 3
    start = dict(type='Pretrained', checkpoint=first_weights, prefix='first.')
    return dict(
        reader,
        type='TwoLookEstimator',
        first=dict(first, data_preprocessor=None, init_cfg=start),
        window_size=window_size[0],
        padding=CLOSE_WINDOWS['padding'],
        box_side=1 / BOX_PADDING,
        side_channels=side_channels,
        turns=tuple(turns),
        around=tuple(around),
        bone_stiffness=bone_stiffness,
        keypoint_prior=keypoint_prior,
    )
