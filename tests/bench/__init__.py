"""Speed: ratios against a peer, measured in one run; never a condition of the tests."""
