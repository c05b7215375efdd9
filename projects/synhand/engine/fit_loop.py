"""Training of models that are fitted once instead of step by step."""

from __future__ import annotations

import torch
from mmengine.model import is_model_wrapper
from mmengine.optim import OptimWrapper
from mmengine.runner import EpochBasedTrainLoop
from mmpose.registry import LOOPS, OPTIM_WRAPPER_CONSTRUCTORS
from torch import nn


@LOOPS.register_module()
class FitLoop(EpochBasedTrainLoop):
    """One epoch in which a model looks at its data as a whole.

    Calls the model's `fit(batches, limit)`; hooks see one epoch, so that
    validation and checkpoints are the ordinary ones.

    Args:
        runner: MMEngine's.
        dataloader: Of the training.
        samples: Most samples that the model looks at; None for all.
        **kwargs: Of `EpochBasedTrainLoop`.

    Raises:
        TypeError: The model has no `fit`.
    """

    def __init__(
        self, runner, dataloader, samples: int | None = None, **kwargs
    ) -> None:
        super().__init__(runner, dataloader, max_epochs=1, **kwargs)
        self.samples = samples

    def run_epoch(self) -> None:
        runner = self.runner
        runner.call_hook('before_train_epoch')
        model = runner.model
        model = model.module if is_model_wrapper(model) else model
        if not hasattr(model, 'fit'):
            raise TypeError(
                f'FitLoop: {type(model).__name__} has no `fit`; train it '
                'with another loop'
            )
        count = model.fit(self.dataloader, self.samples)
        runner.logger.info(f'fitted to {count} hands')
        self._iter = self._max_iters
        runner.call_hook('after_train_epoch')
        self._epoch += 1


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class NoOptimWrapperConstructor:
    """An optimiser of nothing: MMEngine does not train without one."""

    def __init__(self, *args, **kwargs) -> None:
        pass

    def __call__(self, model: nn.Module) -> OptimWrapper:
        nothing = torch.zeros(0, requires_grad=True)
        return OptimWrapper(torch.optim.SGD([nothing], lr=0.0))
