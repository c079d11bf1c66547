"""XLNet's relative attention against transformers' XLNetRelativeAttention."""

import torch
from transformers import XLNetConfig, XLNetModel

from aigc_cli.models.xlnet.attention import RelativeAttention, distances


def test_both_streams_match_transformers() -> None:
    torch.manual_seed(0)
    theirs = XLNetModel(XLNetConfig(vocab_size=9, d_model=16, n_layer=1, n_head=2, d_inner=8, dropout=0.0))
    layer = theirs.layer[0].rel_attn
    for weight in layer.parameters():
        torch.nn.init.normal_(weight, std=0.5)
    ours = RelativeAttention(16, 2)
    ours.load_state_dict(layer.state_dict())
    layer.load_state_dict(ours.state_dict())
    h, g, at = torch.randn(3, 5, 16), torch.randn(3, 2, 16), torch.tensor([[0, 3], [4, 1], [2, 0]])
    segment, hidden = torch.randint(0, 2, (3, 5)), torch.rand(3, 5, 5) < 0.4
    own = hidden & ~torch.eye(5, dtype=torch.bool)
    rows = torch.nn.functional.one_hot(at, 5).float()
    seg = torch.nn.functional.one_hot((segment[:, :, None] != segment[:, None]).long(), 2).float()
    place = distances(5, 16)[:, None].expand(-1, 3, -1)
    want_h, want_g = layer(
        h.transpose(0, 1), g.transpose(0, 1),
        own.float().permute(1, 2, 0)[..., None], hidden.float().permute(1, 2, 0)[..., None],
        place, seg.permute(1, 2, 0, 3), target_mapping=rows.permute(1, 2, 0),
    )[:2]  # fmt: skip
    got_h = ours(h, h, torch.arange(5).expand(3, -1), segment, own)
    got_g = ours(g, h, at, segment, hidden.gather(1, at[..., None].expand(-1, -1, 5)))
    torch.testing.assert_close(got_h, want_h.transpose(0, 1), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(got_g, want_g.transpose(0, 1), atol=1e-5, rtol=1e-4)
