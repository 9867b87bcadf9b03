#include "lab/byte_source.hpp"

#include "lab/failure.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

namespace tiercel::lab {
namespace {

using namespace std::string_view_literals;

constexpr std::size_t input_bytes = std::size_t{256} << 10;

/// The first bytes of what we do not decompress, so that it is not taken for text.
struct Foreign {
    std::string_view magic;
    std::string_view program;
};
constexpr Foreign foreign[] = {
    {"\xFD"
     "7zXZ\0"sv,
     "xz"},
    {"BZh"sv, "bzip2"},
    {"\x04\x22\x4D\x18"sv, "lz4"},
};

} // namespace

/// Compressed bytes as they lie on the disk, through a buffer of which decoders take from the front.
class ByteSource::File {
public:
    explicit File(const std::string& path) : name_(path == "-" ? "standard input" : path) {
        if (path == "-") {
            descriptor_ = STDIN_FILENO;
        } else {
            descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
            if (descriptor_ < 0)
                throw Failure("cannot open the trace " + path + ": " + std::strerror(errno) +
                              "; give the path of a readable file, or - for standard input");
        }
        struct stat facts {};
        if (::fstat(descriptor_, &facts) == 0 && S_ISREG(facts.st_mode)) size_ = facts.st_size;
        buffer_.resize(input_bytes);
        fill();
    }
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    ~File() {
        if (descriptor_ > STDIN_FILENO) ::close(descriptor_);
    }

    std::string_view bytes() const noexcept { return {buffer_.data() + begin_, end_ - begin_}; }
    void take(std::size_t count) noexcept {
        begin_ += count;
        taken_ += count;
    }
    bool at_end() const noexcept { return at_end_ && begin_ == end_; }

    /// Reads on until the buffer is full or the file ends.
    void fill() {
        std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
        end_ -= begin_;
        begin_ = 0;
        while (!at_end_ && end_ < buffer_.size()) {
            const ssize_t got = ::read(descriptor_, buffer_.data() + end_, buffer_.size() - end_);
            if (got < 0 && errno == EINTR) continue;
            if (got < 0) throw Failure("cannot read " + name_ + ": " + std::strerror(errno));
            at_end_ = got == 0;
            end_ += static_cast<std::size_t>(got);
        }
    }

    const std::string& name() const noexcept { return name_; }
    double progress() const noexcept {
        return size_ <= 0 ? 0 : std::min(1.0, static_cast<double>(taken_) / static_cast<double>(size_));
    }

private:
    std::string name_;
    int descriptor_ = -1;
    std::vector<char> buffer_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    bool at_end_ = false;
    std::uint64_t taken_ = 0;
    std::int64_t size_ = 0;
};

class ByteSource::Decoder {
public:
    explicit Decoder(File& file) noexcept : file_(file) {}
    virtual ~Decoder() = default;
    Decoder(const Decoder&) = delete;
    Decoder& operator=(const Decoder&) = delete;

    /// At least one byte, or none at the end.
    virtual std::size_t read_some(std::span<char> into) = 0;

protected:
    [[noreturn]] void cut_short(const std::string& format) const {
        throw Failure(file_.name() + ": the " + format +
                      " data ends too early: the file is truncated; copy or download it again");
    }
    [[noreturn]] void damaged(const std::string& format, const char* why) const {
        throw Failure(file_.name() + ": the " + format + " data is damaged (" + (why == nullptr ? "?" : why) +
                      "); copy or download it again");
    }

    File& file_;
};

class ByteSource::Plain final : public Decoder {
public:
    using Decoder::Decoder;
    std::size_t read_some(std::span<char> into) override {
        if (file_.bytes().empty()) file_.fill();
        const std::size_t count = std::min(into.size(), file_.bytes().size());
        std::memcpy(into.data(), file_.bytes().data(), count);
        file_.take(count);
        return count;
    }
};

class ByteSource::Gzip final : public Decoder {
public:
    explicit Gzip(File& file) : Decoder(file) {
        if (::inflateInit2(&stream_, 16 + MAX_WBITS) != Z_OK) throw std::bad_alloc();
    }
    ~Gzip() override { ::inflateEnd(&stream_); }

    std::size_t read_some(std::span<char> into) override {
        stream_.next_out = reinterpret_cast<Bytef*>(into.data());
        stream_.avail_out = static_cast<uInt>(into.size());
        while (stream_.avail_out == into.size()) {
            if (file_.bytes().empty()) file_.fill();
            if (file_.at_end()) {
                if (!between_members_) cut_short("gzip");
                break;
            }
            between_members_ = false;
            const auto bytes = file_.bytes();
            stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
            stream_.avail_in = static_cast<uInt>(bytes.size());
            const int state = ::inflate(&stream_, Z_NO_FLUSH);
            file_.take(bytes.size() - stream_.avail_in);
            if (state == Z_STREAM_END) {
                ::inflateReset(&stream_);
                between_members_ = true;
            } else if (state != Z_OK && state != Z_BUF_ERROR) {
                damaged("gzip", stream_.msg);
            }
        }
        return into.size() - stream_.avail_out;
    }

private:
    z_stream stream_{};
    bool between_members_ = false;
};

class ByteSource::Zstd final : public Decoder {
public:
    explicit Zstd(File& file) : Decoder(file), stream_(::ZSTD_createDStream()) {
        if (stream_ == nullptr) throw std::bad_alloc();
    }
    ~Zstd() override { ::ZSTD_freeDStream(stream_); }

    std::size_t read_some(std::span<char> into) override {
        ZSTD_outBuffer out{into.data(), into.size(), 0};
        while (out.pos == 0) {
            if (file_.bytes().empty()) file_.fill();
            if (file_.at_end() && between_frames_) break;
            const bool was_at_end = file_.at_end();
            const auto bytes = file_.bytes();
            ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
            const std::size_t state = ::ZSTD_decompressStream(stream_, &out, &in);
            if (::ZSTD_isError(state)) damaged("zstd", ::ZSTD_getErrorName(state));
            file_.take(in.pos);
            between_frames_ = state == 0;
            if (was_at_end && out.pos == 0) cut_short("zstd"); // all is flushed, and the frame wants more
        }
        return out.pos;
    }

private:
    ZSTD_DStream* stream_;
    bool between_frames_ = false;
};

ByteSource::ByteSource(const std::string& path) : file_(std::make_unique<File>(path)) {
    const std::string_view head = file_->bytes();
    for (const auto& [magic, program] : foreign)
        if (head.starts_with(magic))
            throw Failure(file_->name() + ": compressed by " + std::string(program) +
                          ", which the lab does not read; pipe it in: " + std::string(program) + " -dc " + path +
                          " | tiercel-lab ... --trace -");
    if (head.starts_with("\x1F\x8B")) {
        decoder_ = std::make_unique<Gzip>(*file_);
    } else if (head.starts_with("\x28\xB5\x2F\xFD")) {
        decoder_ = std::make_unique<Zstd>(*file_);
    } else {
        decoder_ = std::make_unique<Plain>(*file_);
    }
}

ByteSource::~ByteSource() = default;

std::size_t ByteSource::read(std::span<char> into) {
    std::size_t done = 0;
    while (done < into.size()) {
        const std::size_t got = decoder_->read_some(into.subspan(done));
        if (got == 0) break;
        done += got;
    }
    return done;
}

double ByteSource::progress() const noexcept {
    return file_->progress();
}

} // namespace tiercel::lab
