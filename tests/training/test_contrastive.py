"""The contrastive loss is the paper's, and goes down where patches find their own."""

import math

import pytest
import torch
from torch.nn.functional import normalize

from gantool.training.contrastive import patch_nce
from gantool.training.networks.projections import Projections


def features(seed: int = 0, places: int = 5) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    return normalize(torch.randn(2, places, 8, generator=random), dim=-1)


def test_it_is_the_papers_formula():
    query, key = features(0), features(1)
    terms = []
    for picture in range(2):
        for place in range(5):
            alike = [float(query[picture, place] @ key[picture, n]) / 0.07 for n in range(5)]
            terms.append(-math.log(math.exp(alike[place]) / sum(map(math.exp, alike))))
    assert patch_nce(query, key).item() == pytest.approx(sum(terms) / len(terms), rel=1e-5)


def test_alike_patches_are_worth_the_log_of_their_number():
    same = torch.ones(1, 7, 4) / 2
    assert patch_nce(same, same).item() == pytest.approx(math.log(7), rel=1e-5)


def test_only_the_query_is_moved():
    query, key = features(0).requires_grad_(), features(1).requires_grad_()
    patch_nce(query, key).backward()
    assert query.grad is not None
    assert key.grad is None


def test_projections_have_length_one_and_stand_for_their_places():
    torch.manual_seed(0)
    network = Projections([3, 6], outputs=4)
    layers = [torch.randn(2, 3, 4, 5), torch.randn(2, 6, 2, 2)]
    places = [torch.tensor([0, 7, 19]), torch.tensor([3])]
    found = network(layers, places)
    assert [tuple(each.shape) for each in found] == [(2, 3, 4), (2, 1, 4)]
    for each in found:
        torch.testing.assert_close(each.norm(dim=-1), torch.ones(each.shape[:2]))
    alone = normalize(network.heads[0](layers[0][:, :, 1, 2]), dim=-1)  # 7 = 1·5 + 2
    torch.testing.assert_close(found[0][:, 1], alone)
