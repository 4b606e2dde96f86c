"""How often the shape of any blob has changed: who has seen the count before need not look at shapes."""

changes = 0
