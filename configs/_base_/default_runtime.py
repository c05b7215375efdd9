"""What every config of this project shares beside model, data, schedule."""

_base_ = 'mmpose::_base_/default_runtime.py'

custom_imports = dict(imports=['synhand.registry'])

default_hooks = dict(
    logger=dict(interval=50),
    checkpoint=dict(interval=1, max_keep_ckpts=1),
)
