// What the drivers of peers share: a driver reads the path of a picture (PGM, 8 bits) a
// line, and answers each with a line:
//
//	CPU-NANOSECONDS ALLOCATIONS [x HEX]...
//
// the processor's time that reading took, -1 (allocations are not counted here), and an
// x with its bytes in hex for each text that was read.
#ifndef PEER_H
#define PEER_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static uint8_t *pixels;
static size_t room;

static char answer[1 << 17];
static size_t answered;

// say adds a text to the answer.
static void say(const void *text, size_t n) {
	const uint8_t *bytes = text ? (const uint8_t *)text : (const uint8_t *)"";
	if (answered + 2 * n + 4 > sizeof answer)
		return;
	answer[answered++] = ' ';
	answer[answered++] = 'x';
	for (size_t i = 0; i < n; i++)
		answered += (size_t)sprintf(answer + answered, "%02x", bytes[i]);
	answer[answered] = 0;
}

static void give_up(const char *why, const char *path) {
	fprintf(stderr, "%s: %s\n", path, why);
	exit(1);
}

// load reads a picture whose pixels are valid until the next.
static void load(const char *path, int *w, int *h) {
	FILE *f = fopen(path, "rb");
	if (!f || fscanf(f, "P5 %d %d 255", w, h) != 2 || *w < 1 || *h < 1)
		give_up("no PGM of 8 bits", path);
	fgetc(f);
	size_t n = (size_t)*w * (size_t)*h;
	if (n > room) {
		free(pixels);
		pixels = (uint8_t *)malloc(n);
		room = n;
	}
	if (!pixels || fread(pixels, 1, n, f) != n)
		give_up("cut short", path);
	fclose(f);
}

static int64_t cpu_now(void) {
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

// serve answers until its input ends. size, if not null, is told of each picture's
// size before the clock runs.
static int serve(void (*size)(int w, int h), void (*read_codes)(const uint8_t *pix, int w, int h)) {
	static char path[4096];
	while (fgets(path, sizeof path, stdin)) {
		int w, h;
		path[strcspn(path, "\n")] = 0;
		load(path, &w, &h);
		if (size)
			size(w, h);
		answered = 0;
		answer[0] = 0;
		int64_t begin = cpu_now();
		read_codes(pixels, w, h);
		int64_t took = cpu_now() - begin;
		printf("%lld -1%s\n", (long long)took, answer);
		fflush(stdout);
	}
	return 0;
}

#endif
