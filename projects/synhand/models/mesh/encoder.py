"""Transformer blocks over queries and grid, with a graph over the queries.

K. Lin, L. Wang, Z. Liu: Mesh Graphormer, ICCV 2021. B batch, T tokens, Q of
them joined by a graph.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class GraphConvolution(nn.Module):
    """A linear map of each node's neighbourhood (T. Kipf, M. Welling, 2017).

    Args:
        adjacency: (Q, Q), normalised.
        width: Channels in and out.
    """

    def __init__(self, adjacency: Tensor, width: int) -> None:
        super().__init__()
        self.register_buffer('adjacency', adjacency, persistent=False)
        self.linear = nn.Linear(width, width)

    def forward(self, nodes: Tensor) -> Tensor:
        """(B, Q, C) to (B, Q, C)."""
        return self.adjacency.to(nodes.dtype) @ self.linear(nodes)


class GraphResidual(nn.Module):
    """A graph convolution of half width between linear layers, added.

    Args:
        adjacency: (Q, Q), normalised.
        width: Channels in and out.
    """

    def __init__(self, adjacency: Tensor, width: int) -> None:
        super().__init__()
        half = width // 2

        def activation(channels: int) -> list[nn.Module]:
            return [nn.LayerNorm(channels), nn.ReLU()]

        self.layers = nn.Sequential(
            *activation(width),
            nn.Linear(width, half),
            *activation(half),
            GraphConvolution(adjacency, half),
            *activation(half),
            nn.Linear(half, width),
        )

    def forward(self, nodes: Tensor) -> Tensor:
        """(B, Q, C) to (B, Q, C)."""
        return nodes + self.layers(nodes)


class EncoderLayer(nn.Module):
    """Self-attention, the graph if any, two linear layers; each normalised.

    Args:
        width: Channels.
        heads: Of the attention.
        ratio: Width between the linear layers, relative.
        dropout: Share of weights and values that training drops.
        start: Number of the first node of the graph among the tokens.
        adjacency: (Q, Q), normalised; None: no graph.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        ratio: int,
        dropout: float,
        start: int = 0,
        adjacency: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(
            width, heads, dropout, batch_first=True
        )
        self.graph = None
        if adjacency is not None:
            self.graph = GraphResidual(adjacency, width)
            self.nodes = slice(start, start + len(adjacency))
        self.mix = nn.Sequential(
            nn.Linear(width, ratio * width),
            nn.GELU(),
            nn.Linear(ratio * width, width),
        )
        self.dropout = nn.Dropout(dropout)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, T, C) to (B, T, C)."""
        seen, _ = self.attention(tokens, tokens, tokens, need_weights=False)
        tokens = self.norms[0](tokens + self.dropout(seen))
        if self.graph is not None:
            nodes = self.graph(tokens[:, self.nodes]).to(tokens.dtype)
            before, after = self.nodes.start, self.nodes.stop
            parts = [tokens[:, :before], nodes, tokens[:, after:]]
            tokens = torch.cat(parts, 1)
        return self.norms[1](tokens + self.dropout(self.mix(tokens)))


class EncoderBlock(nn.Module):
    """Tokens to a block's width, a learnt place each, layers, and on.

    Args:
        channels: Of the tokens that come in.
        width: Of the layers.
        out_channels: Of the tokens that go out.
        tokens: T.
        layers: How many.
        **layer: Further arguments of `EncoderLayer`.
    """

    def __init__(
        self,
        channels: int,
        width: int,
        out_channels: int,
        tokens: int,
        layers: int,
        **layer: object,
    ) -> None:
        super().__init__()
        self.enter = nn.Linear(channels, width)
        self.place = nn.Parameter(torch.empty(tokens, width))
        nn.init.normal_(self.place, std=0.02)
        self.layers = nn.Sequential(
            *(EncoderLayer(width, **layer) for _ in range(layers))
        )
        self.leave = nn.Linear(width, out_channels)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, T, C) to (B, T, C')."""
        tokens = self.enter(tokens)
        return self.leave(self.layers(tokens + self.place))
