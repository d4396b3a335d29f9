"""What commands do with finished runs, exports and a machine: compare, generate, bench, doctor."""
