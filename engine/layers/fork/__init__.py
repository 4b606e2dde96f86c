"""Layer types that are not BVLC's: those of forks which many published models use, as their forks compute them."""
