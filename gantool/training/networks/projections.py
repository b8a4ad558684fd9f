"""What compares the features of two pictures place by place."""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn.functional import normalize


class Projections(nn.Module):
    """One small network per layer of features: N×C×H×W at P `places` → N×P×`outputs`, length 1.

    Two layers, ReLU between them. Park et al., «Contrastive Learning for Unpaired Image-to-Image
    Translation», 2020, section 3.
    """

    def __init__(self, channels: Sequence[int], *, outputs: int = 256) -> None:
        super().__init__()
        self.heads = nn.ModuleList(
            nn.Sequential(nn.Linear(inputs, outputs), nn.ReLU(), nn.Linear(outputs, outputs))
            for inputs in channels
        )
        for parameter in self.parameters():
            (nn.init.xavier_normal_ if parameter.ndim == 2 else nn.init.zeros_)(parameter)

    def forward(self, features: Sequence[Tensor], places: Sequence[Tensor]) -> list[Tensor]:
        """`places` are positions in the flattened H×W, one tensor per layer."""
        return [
            normalize(head(layer.flatten(2)[:, :, where].transpose(1, 2)).float(), dim=-1)
            for head, layer, where in zip(self.heads, features, places, strict=True)
        ]
