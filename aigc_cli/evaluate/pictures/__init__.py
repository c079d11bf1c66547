"""How generated pictures are judged: distances of distributions, nearness to real ones, copies."""
