"""Real configs, made small enough to train for two steps."""

from __future__ import annotations

from pathlib import Path

from mmengine.config import Config
from mmengine.runner import Runner

from model_factory import ROOT
from shard_factory import write_shards


def small_config(path: str, folder: Path, changes: dict[str, str]) -> Config:
    """A config of `configs/` with other text, on two tiny sets.

    Nothing is averaged, validated or saved.

    Args:
        path: Below `configs/`.
        folder: Where the config, the sets and the runs go; the environment's
            SYNHAND_DATA has to be `folder / 'data'`.
        changes: Passages of the config's text and what takes their place.
    """
    source = ROOT / 'configs' / path
    text = source.read_text()
    changes = {'../../_base_': f'{ROOT}/configs/_base_', **changes}
    for old, new in changes.items():
        assert old in text, f'{path}: no {old!r}'
        text = text.replace(old, new)
    small = folder / source.name
    small.write_text(text)
    config = Config.fromfile(small)
    for part, count in (('train', 6), ('val', 3)):
        write_shards(folder / f'data/synhand/{part}', count, shards=1)
    for name in ('train', 'val', 'test'):
        config[f'{name}_dataloader'].num_workers = 0
        config[f'{name}_dataloader'].persistent_workers = False
        config[f'{name}_dataloader'].batch_size = 3
    config.merge_from_dict(
        {
            'work_dir': str(folder / 'work'),
            'experiment_name': f'{source.stem}_{folder.name}',
            'randomness': {'seed': 0},
            'train_cfg.max_iters': 2,
            'default_hooks.checkpoint.interval': 3,
            'default_hooks.checkpoint.save_last': False,
            'log_level': 'ERROR',
        }
    )
    config.val_cfg = config.val_dataloader = config.val_evaluator = None
    config.custom_hooks = [
        hook for hook in config.custom_hooks if hook['type'] != 'EMAHook'
    ]
    return config


def train_and_test(config: Config) -> tuple[Runner, dict]:
    """The runner after its training, and the metrics of its test."""
    runner = Runner.from_cfg(config)
    runner.train()
    return runner, runner.test()
