//go:build !purego

#include "textflag.h"

// NEON, which every processor of this kind has. Of three operands the last is where the result goes. What the assembler has no
// name for is written as the number it is (Arm Architecture Reference Manual, C7.2); d = n and m, each V0 to V31.

#define UADDLP_B16(n, d) WORD $(0x6e202800 | n<<5 | d)
#define UADDLP_H8(n, d) WORD $(0x6e602800 | n<<5 | d)
#define UMAXP_H8(m, n, d) WORD $(0x6e60a400 | m<<16 | n<<5 | d)
#define UMINP_H8(m, n, d) WORD $(0x6e60ac00 | m<<16 | n<<5 | d)
#define CMHI_H8(m, n, d) WORD $(0x6e603400 | m<<16 | n<<5 | d)
#define UHADD_B16(m, n, d) WORD $(0x6e200400 | m<<16 | n<<5 | d)
#define URHADD_B16(m, n, d) WORD $(0x6e201400 | m<<16 | n<<5 | d)
#define SQXTN_H4(n, d) WORD $(0x0e614800 | n<<5 | d)
#define SQXTN2_H8(n, d) WORD $(0x4e614800 | n<<5 | d)
#define SQADD_H8(m, n, d) WORD $(0x4e600c00 | m<<16 | n<<5 | d)
#define SMAX_H8(m, n, d) WORD $(0x4e606400 | m<<16 | n<<5 | d)
#define SMIN_H8(m, n, d) WORD $(0x4e606c00 | m<<16 | n<<5 | d)
#define CMGT_H8(m, n, d) WORD $(0x4e603400 | m<<16 | n<<5 | d)

// DARK leaves of p, 16 pixels, a bit each of those that are at most t, where that is not 0.
#define DARK(p, t) \
	VUMIN  p.B16, t.B16, V16.B16   \
	VCMEQ  p.B16, V16.B16, V16.B16 \
	VCMTST t.B16, t.B16, t.B16     \
	VAND   t.B16, V16.B16, p.B16   \
	VAND   V20.B16, p.B16, p.B16

// func darkVector(out *uint64, row, thr *byte, n int)
TEXT ·darkVector(SB), NOSPLIT, $0-32
	MOVD out+0(FP), R0
	MOVD row+8(FP), R1
	MOVD thr+16(FP), R2
	MOVD n+24(FP), R3
	MOVD $0x8040201008040201, R4
	VDUP R4, V20.D2

dark:
	VLD1.P 8(R2), [V0.B8]
	VLD1.P 64(R1), [V4.B16, V5.B16, V6.B16, V7.B16]

	// Each threshold eight times.
	VZIP1 V0.B16, V0.B16, V0.B16
	VZIP2 V0.H8, V0.H8, V2.H8
	VZIP1 V0.H8, V0.H8, V0.H8
	VZIP2 V0.S4, V0.S4, V1.S4
	VZIP1 V0.S4, V0.S4, V0.S4
	VZIP2 V2.S4, V2.S4, V3.S4
	VZIP1 V2.S4, V2.S4, V2.S4
	DARK(V4, V0)
	DARK(V5, V1)
	DARK(V6, V2)
	DARK(V7, V3)
	VADDP V5.B16, V4.B16, V4.B16
	VADDP V7.B16, V6.B16, V6.B16
	VADDP V6.B16, V4.B16, V4.B16
	VADDP V4.B16, V4.B16, V4.B16
	VST1.P [V4.B8], 8(R0)
	SUBS  $1, R3
	BNE   dark
	RET

// func statVector(out *uint32, a, b *byte, n int, limit uint32)
TEXT ·statVector(SB), NOSPLIT, $0-36
	MOVD  out+0(FP), R0
	MOVD  a+8(FP), R1
	MOVD  b+16(FP), R2
	MOVD  n+24(FP), R3
	MOVWU limit+32(FP), R4
	VDUP  R4, V20.H8

stat: // eight blocks
	VLD1.P 64(R1), [V0.B16, V1.B16, V2.B16, V3.B16]
	VLD1.P 64(R2), [V4.B16, V5.B16, V6.B16, V7.B16]
	UADDLP_B16(0, 0)
	UADDLP_B16(1, 1)
	UADDLP_B16(2, 2)
	UADDLP_B16(3, 3)
	UADDLP_B16(4, 4)
	UADDLP_B16(5, 5)
	UADDLP_B16(6, 6)
	UADDLP_B16(7, 7)
	VUMAX V0.H8, V4.H8, V16.H8
	VUMIN V0.H8, V4.H8, V0.H8
	VUMAX V1.H8, V5.H8, V17.H8
	VUMIN V1.H8, V5.H8, V1.H8
	VUMAX V2.H8, V6.H8, V18.H8
	VUMIN V2.H8, V6.H8, V2.H8
	VUMAX V3.H8, V7.H8, V19.H8
	VUMIN V3.H8, V7.H8, V3.H8
	UMAXP_H8(17, 16, 16)
	UMAXP_H8(19, 18, 18)
	UMAXP_H8(18, 16, 16)
	UMINP_H8(1, 0, 0)
	UMINP_H8(3, 2, 2)
	UMINP_H8(2, 0, 0)

	// The greatest sum of each block is in V16, the least in V0.
	VSUB  V0.H8, V16.H8, V1.H8
	CMHI_H8(20, 1, 1)
	VADD  V0.H8, V16.H8, V0.H8
	VUSHR $2, V0.H8, V0.H8
	VAND  V1.B16, V0.B16, V0.B16
	VUSHR $15, V1.H8, V1.H8
	VZIP1 V1.H8, V0.H8, V2.H8
	VZIP2 V1.H8, V0.H8, V3.H8
	VST1.P [V2.B16, V3.B16], 32(R0)
	SUBS  $8, R3
	BNE   stat
	RET

// func halveVector(out, a, b *byte, n int)
TEXT ·halveVector(SB), NOSPLIT, $0-32
	MOVD out+0(FP), R0
	MOVD a+8(FP), R1
	MOVD b+16(FP), R2
	MOVD n+24(FP), R3
	VMOVI $2, V20.B16
	VUSHR $8, V20.H8, V20.H8

half: // sixteen pixels
	VLD1.P 32(R1), [V0.B16, V1.B16]
	VLD1.P 32(R2), [V2.B16, V3.B16]
	UADDLP_B16(0, 0)
	UADDLP_B16(1, 1)
	UADDLP_B16(2, 2)
	UADDLP_B16(3, 3)
	VADD  V2.H8, V0.H8, V0.H8
	VADD  V3.H8, V1.H8, V1.H8
	VADD  V20.H8, V0.H8, V0.H8
	VADD  V20.H8, V1.H8, V1.H8
	VUSHR $2, V0.H8, V0.H8
	VUSHR $2, V1.H8, V1.H8
	VUZP1 V1.B16, V0.B16, V0.B16
	VST1.P [V0.B16], 16(R0)
	SUBS  $16, R3
	BNE   half
	RET

// func quarterVector(out, a, b *byte, n int)
TEXT ·quarterVector(SB), NOSPLIT, $0-32
	MOVD out+0(FP), R0
	MOVD a+8(FP), R1
	MOVD b+16(FP), R2
	MOVD n+24(FP), R3

fourth: // sixteen pixels
	VLD1.P 64(R1), [V0.B16, V1.B16, V2.B16, V3.B16]
	VLD1.P 64(R2), [V4.B16, V5.B16, V6.B16, V7.B16]
	UADDLP_B16(0, 0)
	UADDLP_B16(1, 1)
	UADDLP_B16(2, 2)
	UADDLP_B16(3, 3)
	UADDLP_B16(4, 4)
	UADDLP_B16(5, 5)
	UADDLP_B16(6, 6)
	UADDLP_B16(7, 7)
	VADD V4.H8, V0.H8, V0.H8
	VADD V5.H8, V1.H8, V1.H8
	VADD V6.H8, V2.H8, V2.H8
	VADD V7.H8, V3.H8, V3.H8
	UADDLP_H8(0, 0)
	UADDLP_H8(1, 1)
	UADDLP_H8(2, 2)
	UADDLP_H8(3, 3)
	VUSHR $3, V0.S4, V0.S4
	VUSHR $3, V1.S4, V1.S4
	VUSHR $3, V2.S4, V2.S4
	VUSHR $3, V3.S4, V3.S4
	VUZP1 V1.H8, V0.H8, V0.H8
	VUZP1 V3.H8, V2.H8, V2.H8
	VUZP1 V2.B16, V0.B16, V0.B16
	VST1.P [V0.B16], 16(R0)
	SUBS  $16, R3
	BNE   fourth
	RET

// func mixVector(out, a, b, c, d, e *byte, n int)
TEXT ·mixVector(SB), NOSPLIT, $0-56
	MOVD out+0(FP), R0
	MOVD a+8(FP), R1
	MOVD b+16(FP), R2
	MOVD c+24(FP), R3
	MOVD d+32(FP), R4
	MOVD e+40(FP), R5
	MOVD n+48(FP), R6

mixed: // sixteen pixels
	VLD1.P 16(R1), [V0.B16]
	VLD1.P 16(R2), [V1.B16]
	VLD1.P 16(R3), [V2.B16]
	VLD1.P 16(R4), [V3.B16]
	VLD1.P 16(R5), [V4.B16]
	UHADD_B16(4, 0, 0)
	URHADD_B16(3, 1, 1)
	URHADD_B16(2, 0, 0)
	UHADD_B16(2, 0, 0)
	URHADD_B16(1, 0, 0)
	VST1.P [V0.B16], 16(R0)
	SUBS  $16, R6
	BNE   mixed
	RET

// func endVector(ends *uint64, cuts *int32, groups int)
TEXT ·endVector(SB), NOSPLIT, $0-24
	MOVD ends+0(FP), R0
	MOVD cuts+8(FP), R1
	MOVD groups+16(FP), R2
	MOVD $0x0008000400020001, R3
	VMOV R3, V20.D[0]
	MOVD $0x0080004000200010, R3
	VMOV R3, V20.D[1]
	MOVD $5, R3
	VDUP R3, V21.H8
	MOVD $8, R3
	VDUP R3, V22.H8
	MOVD $9, R3
	VDUP R3, V23.H8

ends: // eight edges
	VLD1  (R1), [V0.S4, V1.S4]
	ADD   $4, R1, R3
	VLD1  (R3), [V2.S4, V3.S4]
	ADD   $8, R1, R3
	VLD1  (R3), [V4.S4, V5.S4]
	ADD   $12, R1, R3
	VLD1  (R3), [V6.S4, V7.S4]
	ADD   $16, R1, R3
	VLD1  (R3), [V16.S4, V17.S4]
	ADD   $20, R1, R3
	VLD1  (R3), [V18.S4, V19.S4]
	VSUB  V0.S4, V2.S4, V0.S4
	VSUB  V1.S4, V3.S4, V1.S4
	VSUB  V2.S4, V4.S4, V2.S4
	VSUB  V3.S4, V5.S4, V3.S4
	VSUB  V4.S4, V6.S4, V4.S4
	VSUB  V5.S4, V7.S4, V5.S4
	VSUB  V6.S4, V16.S4, V6.S4
	VSUB  V7.S4, V17.S4, V7.S4
	VSUB  V16.S4, V18.S4, V16.S4
	VSUB  V17.S4, V19.S4, V17.S4
	SQXTN_H4(0, 0)
	SQXTN2_H8(1, 0)
	SQXTN_H4(2, 2)
	SQXTN2_H8(3, 2)
	SQXTN_H4(4, 4)
	SQXTN2_H8(5, 4)
	SQXTN_H4(6, 6)
	SQXTN2_H8(7, 6)
	SQXTN_H4(16, 16)
	SQXTN2_H8(17, 16)

	// The middle is longer than both runs beside it: V1.
	CMGT_H8(2, 4, 1)
	CMGT_H8(6, 4, 3)
	VAND V3.B16, V1.B16, V1.B16

	// The lesser of the outer distances: V0; what those beside the middle differ by: V3; the inner distances: V2.
	SQADD_H8(2, 0, 0)
	SQADD_H8(6, 16, 16)
	SMIN_H8(16, 0, 0)
	SMAX_H8(6, 2, 3)
	SMIN_H8(6, 2, 5)
	VSUB V5.H8, V3.H8, V3.H8
	SQADD_H8(6, 2, 2)
	SQADD_H8(4, 2, 2)
	SQADD_H8(4, 2, 2)

	// inner > 8 outer + 8: V4; 5 outer is in V6.
	SQADD_H8(0, 0, 4)
	SQADD_H8(4, 4, 4)
	SQADD_H8(0, 4, 6)
	SQADD_H8(4, 4, 4)
	SQADD_H8(22, 4, 4)
	CMGT_H8(4, 2, 4)

	// 5 outer > 2 inner + 5
	SQADD_H8(2, 2, 2)
	SQADD_H8(21, 2, 5)
	CMGT_H8(5, 6, 5)
	VORR V5.B16, V4.B16, V4.B16

	// 7 times the difference > 2 inner + 9
	SQADD_H8(23, 2, 2)
	SQADD_H8(3, 3, 5)
	SQADD_H8(5, 5, 6)
	SQADD_H8(6, 5, 5)
	SQADD_H8(3, 5, 5)
	CMGT_H8(2, 5, 2)
	VORR V2.B16, V4.B16, V4.B16

	VAND V20.B16, V1.B16, V1.B16
	VAND V4.B16, V1.B16, V4.B16
	VSUB V4.H8, V1.H8, V1.H8
	VADDV V1.H8, V1
	VMOV V1.B[0], R3
	MOVB R3, (R0)
	ADD  $32, R1
	ADD  $1, R0
	SUBS $1, R2
	BNE  ends
	RET
