"""`make bench-emulator`: the emulator beside kinesalite and moto, and beside the figures it must hold."""
