//go:build !purego

#include "textflag.h"

// SSE2, which every processor of this kind has. Of two operands the second is where the result goes.

DATA low8<>+0(SB)/8, $0x00ff00ff00ff00ff
DATA low8<>+8(SB)/8, $0x00ff00ff00ff00ff
GLOBL low8<>(SB), RODATA|NOPTR, $16

DATA low16<>+0(SB)/8, $0x0000ffff0000ffff
DATA low16<>+8(SB)/8, $0x0000ffff0000ffff
GLOBL low16<>(SB), RODATA|NOPTR, $16

DATA ones8<>+0(SB)/8, $0x0101010101010101
DATA ones8<>+8(SB)/8, $0x0101010101010101
GLOBL ones8<>(SB), RODATA|NOPTR, $16

DATA ones16<>+0(SB)/8, $0x0001000100010001
DATA ones16<>+8(SB)/8, $0x0001000100010001
GLOBL ones16<>(SB), RODATA|NOPTR, $16

DATA twos16<>+0(SB)/8, $0x0002000200020002
DATA twos16<>+8(SB)/8, $0x0002000200020002
GLOBL twos16<>(SB), RODATA|NOPTR, $16

DATA ones32at16<>+0(SB)/8, $0x0001000000010000
DATA ones32at16<>+8(SB)/8, $0x0001000000010000
GLOBL ones32at16<>(SB), RODATA|NOPTR, $16

DATA fives16<>+0(SB)/8, $0x0005000500050005
DATA fives16<>+8(SB)/8, $0x0005000500050005
GLOBL fives16<>(SB), RODATA|NOPTR, $16

DATA eights16<>+0(SB)/8, $0x0008000800080008
DATA eights16<>+8(SB)/8, $0x0008000800080008
GLOBL eights16<>(SB), RODATA|NOPTR, $16

DATA nines16<>+0(SB)/8, $0x0009000900090009
DATA nines16<>+8(SB)/8, $0x0009000900090009
GLOBL nines16<>(SB), RODATA|NOPTR, $16

// DARK puts into r which of 16 pixels are at most t, where that is not 0.
#define DARK(pixels, t, r) \
	MOVOU    pixels, X6 \
	MOVO     t, X7      \
	PMINUB   X6, X7     \
	PCMPEQB  X6, X7     \
	PCMPEQB  X8, t      \
	PANDN    X7, t      \
	PMOVMSKB t, r

// func darkVector(out *uint64, row, thr *byte, n int)
TEXT ·darkVector(SB), NOSPLIT, $0-32
	MOVQ out+0(FP), DI
	MOVQ row+8(FP), SI
	MOVQ thr+16(FP), DX
	MOVQ n+24(FP), CX
	PXOR X8, X8

dark:
	MOVQ  (DX), AX
	TESTQ AX, AX
	JEQ   light
	MOVQ  AX, X0

	// Each threshold eight times: X0 and X1 are those of the first four blocks, X2 and X3 of the others.
	PUNPCKLBW X0, X0
	MOVO      X0, X2
	PUNPCKLWL X0, X0
	PUNPCKHWL X2, X2
	MOVO      X0, X1
	PUNPCKLLQ X0, X0
	PUNPCKHLQ X1, X1
	MOVO      X2, X3
	PUNPCKLLQ X2, X2
	PUNPCKHLQ X3, X3

	DARK(0(SI), X0, R8)
	DARK(16(SI), X1, R9)
	DARK(32(SI), X2, R10)
	DARK(48(SI), X3, R11)
	SHLQ $16, R9
	SHLQ $32, R10
	SHLQ $48, R11
	ORQ  R9, R8
	ORQ  R11, R10
	ORQ  R10, R8
	MOVQ R8, AX

light:
	MOVQ AX, (DI)
	ADDQ $64, SI
	ADDQ $8, DX
	ADDQ $8, DI
	DECQ CX
	JNE  dark
	RET

// PAIRS adds neighbouring bytes of x, into eight lanes.
#define PAIRS(x, tmp) \
	MOVO  x, tmp   \
	PSRLW $8, tmp  \
	PAND  X15, x   \
	PADDW tmp, x

// func statVector(out *uint32, a, b *byte, n int, limit uint32)
TEXT ·statVector(SB), NOSPLIT, $0-36
	MOVQ out+0(FP), DI
	MOVQ a+8(FP), SI
	MOVQ b+16(FP), DX
	MOVQ n+24(FP), CX
	MOVL limit+32(FP), AX
	MOVQ AX, X12
	PSHUFL $0, X12, X12
	MOVOU low8<>(SB), X15
	MOVOU low16<>(SB), X14
	MOVOU ones32at16<>(SB), X13

stat: // four blocks
	MOVOU 0(SI), X0
	MOVOU 16(SI), X1
	MOVOU 0(DX), X2
	MOVOU 16(DX), X3
	PAIRS(X0, X4)
	PAIRS(X1, X5)
	PAIRS(X2, X6)
	PAIRS(X3, X7)

	// The greater sums are in X0 and X1, the others in X2 and X3.
	MOVO   X0, X4
	MOVO   X1, X5
	PMAXSW X2, X0
	PMAXSW X3, X1
	PMINSW X4, X2
	PMINSW X5, X3

	// Of each block one double word with two sums, the first two in X0 and X2, the others in X4 and X6.
	MOVO   X0, X4
	MOVO   X2, X6
	SHUFPS $0x88, X1, X0
	SHUFPS $0xdd, X1, X4
	SHUFPS $0x88, X3, X2
	SHUFPS $0xdd, X3, X6
	PMAXSW X4, X0
	PMINSW X6, X2

	MOVO   X0, X4
	MOVO   X2, X6
	PSRLL  $16, X4
	PSRLL  $16, X6
	PMAXSW X4, X0
	PMINSW X6, X2
	PAND   X14, X0

	MOVO    X0, X4
	PSUBL   X2, X4
	PCMPGTL X12, X4
	PADDL   X2, X0
	PSRLL   $2, X0
	POR     X13, X0
	PAND    X4, X0
	MOVOU   X0, (DI)

	ADDQ $32, SI
	ADDQ $32, DX
	ADDQ $16, DI
	SUBQ $4, CX
	JNE  stat
	RET

// FOURS adds squares of two pixels a side, into eight lanes of x.
#define FOURS(a, b, x, y, tmp) \
	MOVOU a, x     \
	MOVOU b, y     \
	PAIRS(x, tmp)  \
	PAIRS(y, tmp)  \
	PADDW y, x

// func halveVector(out, a, b *byte, n int)
TEXT ·halveVector(SB), NOSPLIT, $0-32
	MOVQ out+0(FP), DI
	MOVQ a+8(FP), SI
	MOVQ b+16(FP), DX
	MOVQ n+24(FP), CX
	MOVOU low8<>(SB), X15
	MOVOU twos16<>(SB), X14

half: // sixteen pixels
	FOURS(0(SI), 0(DX), X0, X2, X4)
	FOURS(16(SI), 16(DX), X1, X3, X5)
	PADDW    X14, X0
	PADDW    X14, X1
	PSRLW    $2, X0
	PSRLW    $2, X1
	PACKUSWB X1, X0
	MOVOU    X0, (DI)
	ADDQ $32, SI
	ADDQ $32, DX
	ADDQ $16, DI
	SUBQ $16, CX
	JNE  half
	RET

// func quarterVector(out, a, b *byte, n int)
TEXT ·quarterVector(SB), NOSPLIT, $0-32
	MOVQ out+0(FP), DI
	MOVQ a+8(FP), SI
	MOVQ b+16(FP), DX
	MOVQ n+24(FP), CX
	MOVOU low8<>(SB), X15
	MOVOU ones16<>(SB), X14

fourth: // sixteen pixels
	FOURS(0(SI), 0(DX), X0, X4, X5)
	FOURS(16(SI), 16(DX), X1, X6, X7)
	FOURS(32(SI), 32(DX), X2, X4, X5)
	FOURS(48(SI), 48(DX), X3, X6, X7)
	PMADDWL  X14, X0
	PMADDWL  X14, X1
	PMADDWL  X14, X2
	PMADDWL  X14, X3
	PSRLL    $3, X0
	PSRLL    $3, X1
	PSRLL    $3, X2
	PSRLL    $3, X3
	PACKSSLW X1, X0
	PACKSSLW X3, X2
	PACKUSWB X2, X0
	MOVOU    X0, (DI)
	ADDQ $64, SI
	ADDQ $64, DX
	ADDQ $16, DI
	SUBQ $16, CX
	JNE  fourth
	RET

// BINOMIAL mixes X0 to X4 into X0. PAVGB is the mean, rounded up; less one where the sum is odd, it is rounded down.
#define BINOMIAL \
	MOVO  X0, X5  \
	PXOR  X4, X5  \
	PAND  X14, X5 \
	PAVGB X4, X0  \
	PSUBB X5, X0  \
	PAVGB X3, X1  \
	PAVGB X2, X0  \
	MOVO  X0, X5  \
	PXOR  X2, X5  \
	PAND  X14, X5 \
	PAVGB X2, X0  \
	PSUBB X5, X0  \
	PAVGB X1, X0

// func mixVector(out, a, b, c, d, e *byte, n int)
TEXT ·mixVector(SB), NOSPLIT, $0-56
	MOVQ out+0(FP), DI
	MOVQ a+8(FP), SI
	MOVQ b+16(FP), DX
	MOVQ c+24(FP), R8
	MOVQ d+32(FP), R9
	MOVQ e+40(FP), R10
	MOVQ n+48(FP), CX
	MOVOU ones8<>(SB), X14
	XORQ  AX, AX

mixed: // sixteen pixels
	MOVOU (SI)(AX*1), X0
	MOVOU (DX)(AX*1), X1
	MOVOU (R8)(AX*1), X2
	MOVOU (R9)(AX*1), X3
	MOVOU (R10)(AX*1), X4
	BINOMIAL
	MOVOU X0, (DI)(AX*1)
	ADDQ  $16, AX
	CMPQ  AX, CX
	JNE   mixed
	RET

// RUN makes of eight double words in x and y the way back from those at offset, in eight lanes of x, and puts these into p and q.
#define RUN(offset, x, y, p, q) \
	MOVOU    offset(SI), p      \
	MOVOU    (offset+16)(SI), q \
	PSUBL    p, x               \
	PSUBL    q, y               \
	PACKSSLW y, x

// func endVector(ends *uint64, cuts *int32, groups int)
TEXT ·endVector(SB), NOSPLIT, $0-24
	MOVQ ends+0(FP), DI
	MOVQ cuts+8(FP), SI
	MOVQ groups+16(FP), CX
	MOVOU fives16<>(SB), X12
	MOVOU eights16<>(SB), X13
	MOVOU nines16<>(SB), X14

ends: // eight edges; what is less than 0 is a length, for so two steps are spared
	MOVOU 0(SI), X0
	MOVOU 16(SI), X1
	RUN(4, X0, X1, X2, X3)
	RUN(8, X2, X3, X4, X5)
	RUN(12, X4, X5, X6, X7)
	RUN(16, X6, X7, X8, X9)
	RUN(20, X8, X9, X1, X3)

	// The middle is longer than both runs beside it: X1.
	MOVO    X2, X1
	MOVO    X6, X3
	PCMPGTW X4, X1
	PCMPGTW X4, X3
	PAND    X3, X1

	// The lesser of the outer distances: X0; what those beside the middle differ by: X3; the inner distances: X2.
	PADDSW X2, X0
	PADDSW X6, X8
	PMAXSW X8, X0
	MOVO   X2, X3
	MOVO   X2, X5
	PMINSW X6, X3
	PMAXSW X6, X5
	PSUBSW X5, X3
	PADDSW X6, X2
	PADDSW X4, X2
	PADDSW X4, X2

	// inner > 8 outer + 8: X4; 5 outer is in X6.
	MOVO    X0, X4
	PADDSW  X4, X4
	PADDSW  X4, X4
	MOVO    X4, X6
	PADDSW  X0, X6
	PADDSW  X4, X4
	PSUBSW  X13, X4
	PCMPGTW X2, X4

	// 5 outer > 2 inner + 5
	PADDSW  X2, X2
	MOVO    X2, X5
	PSUBSW  X12, X5
	PCMPGTW X6, X5
	POR     X5, X4

	// 7 times the difference > 2 inner + 9
	PSUBSW  X14, X2
	MOVO    X3, X5
	PADDSW  X5, X5
	MOVO    X5, X6
	PADDSW  X6, X6
	PADDSW  X6, X5
	PADDSW  X3, X5
	PCMPGTW X5, X2
	POR     X2, X4

	PANDN    X1, X4
	PACKSSWB X4, X4
	PMOVMSKB X4, AX
	MOVB     AX, (DI)
	ADDQ $32, SI
	INCQ DI
	DECQ CX
	JNE  ends
	RET
