// OpenCV's WeChat reader: a neural detector and super-resolution, whose models are in the folder
// that is its argument.
#include "peer.h"

#include <opencv2/wechat_qrcode.hpp>

#include <memory>
#include <string>

static std::unique_ptr<cv::wechat_qrcode::WeChatQRCode> reader;

static void read_codes(const uint8_t *pix, int w, int h) {
	cv::Mat view(h, w, CV_8UC1, const_cast<uint8_t *>(pix));
	for (const auto &text : reader->detectAndDecode(view))
		say(text.data(), text.size());
}

int main(int argc, char **argv) {
	if (argc < 2)
		give_up("no folder of models", "wechat");
	std::string dir = std::string(argv[1]) + "/";
	reader = std::make_unique<cv::wechat_qrcode::WeChatQRCode>(dir + "detect.prototxt", dir + "detect.caffemodel",
		dir + "sr.prototxt", dir + "sr.caffemodel");
	return serve(nullptr, read_codes);
}
