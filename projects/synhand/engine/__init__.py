"""Loops beside MMEngine's."""

from synhand.engine.fit_loop import FitLoop, NoOptimWrapperConstructor

__all__ = ['FitLoop', 'NoOptimWrapperConstructor']
