"""The obligations chain run natively: one cosmos/evm validator for each organisation of a lending circle."""
