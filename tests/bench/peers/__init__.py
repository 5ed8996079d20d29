"""What ours is measured against: programs that are run, and never imported by ours."""
