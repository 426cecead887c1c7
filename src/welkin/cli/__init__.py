"""What people type: `welkin up`, `status`, `why`, `doctor`, `down`, `purge`, and the parts that run behind them."""
