# QEMU's board: where its memory is free.
setenv at 0x48000000
setenv kept ""
