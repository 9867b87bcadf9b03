#include "lab/byte_sink.hpp"

#include "lab/failure.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <cerrno>
#include <cstring>
#include <new>
#include <utility>
#include <vector>

namespace tiercel::lab {
namespace {

constexpr std::size_t piece_bytes = std::size_t{64} << 10;

} // namespace

class ByteSink::File {
public:
    explicit File(const std::string& path) : name_(path == "-" ? "standard output" : path) {
        if (path == "-") {
            descriptor_ = STDOUT_FILENO;
            return;
        }
        descriptor_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        if (descriptor_ < 0) fail("open");
    }
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    ~File() {
        if (descriptor_ > STDOUT_FILENO) ::close(descriptor_);
    }

    void write(std::string_view bytes) {
        while (!bytes.empty()) {
            const ssize_t put = ::write(descriptor_, bytes.data(), bytes.size());
            if (put < 0 && errno == EINTR) continue;
            if (put < 0) fail("write");
            bytes.remove_prefix(static_cast<std::size_t>(put));
        }
    }

    void close() {
        if (descriptor_ > STDOUT_FILENO && ::close(std::exchange(descriptor_, -1)) != 0) fail("write");
    }

private:
    [[noreturn]] void fail(const std::string& what) const {
        throw Failure("cannot " + what + " " + name_ + ": " + std::strerror(errno));
    }

    std::string name_;
    int descriptor_ = -1;
};

class ByteSink::Encoder {
public:
    explicit Encoder(File& file) noexcept : file_(file) {}
    virtual ~Encoder() = default;
    Encoder(const Encoder&) = delete;
    Encoder& operator=(const Encoder&) = delete;

    virtual void encode(std::string_view bytes) = 0;
    virtual void finish() {}

protected:
    File& file_;
};

class ByteSink::Plain final : public Encoder {
public:
    using Encoder::Encoder;
    void encode(std::string_view bytes) override { file_.write(bytes); }
};

class ByteSink::Gzip final : public Encoder {
public:
    explicit Gzip(File& file) : Encoder(file), out_(piece_bytes) {
        if (::deflateInit2(&stream_, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK)
            throw std::bad_alloc();
    }
    ~Gzip() override { ::deflateEnd(&stream_); }

    void encode(std::string_view bytes) override { run(bytes, Z_NO_FLUSH); }
    void finish() override { run({}, Z_FINISH); }

private:
    void run(std::string_view bytes, int flush) {
        stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
        stream_.avail_in = static_cast<uInt>(bytes.size());
        do {
            stream_.next_out = reinterpret_cast<Bytef*>(out_.data());
            stream_.avail_out = static_cast<uInt>(out_.size());
            ::deflate(&stream_, flush);
            file_.write({out_.data(), out_.size() - stream_.avail_out});
        } while (stream_.avail_out == 0);
    }

    z_stream stream_{};
    std::vector<char> out_;
};

class ByteSink::Zstd final : public Encoder {
public:
    explicit Zstd(File& file) : Encoder(file), stream_(::ZSTD_createCCtx()), out_(piece_bytes) {
        if (stream_ == nullptr) throw std::bad_alloc();
        ::ZSTD_CCtx_setParameter(stream_, ZSTD_c_checksumFlag, 1);
    }
    ~Zstd() override { ::ZSTD_freeCCtx(stream_); }

    void encode(std::string_view bytes) override { run(bytes, ZSTD_e_continue); }
    void finish() override { run({}, ZSTD_e_end); }

private:
    void run(std::string_view bytes, ZSTD_EndDirective end) {
        ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
        for (bool more = true; more;) {
            ZSTD_outBuffer out{out_.data(), out_.size(), 0};
            const std::size_t left = ::ZSTD_compressStream2(stream_, &out, &in, end);
            if (::ZSTD_isError(left)) throw Failure(std::string("zstd: ") + ::ZSTD_getErrorName(left));
            file_.write({out_.data(), out.pos});
            more = end == ZSTD_e_end ? left != 0 : in.pos < in.size;
        }
    }

    ZSTD_CCtx* stream_;
    std::vector<char> out_;
};

ByteSink::ByteSink(const std::string& path, Compression compression) : file_(std::make_unique<File>(path)) {
    switch (compression) {
    case Compression::none:
        encoder_ = std::make_unique<Plain>(*file_);
        break;
    case Compression::gzip:
        encoder_ = std::make_unique<Gzip>(*file_);
        break;
    case Compression::zstd:
        encoder_ = std::make_unique<Zstd>(*file_);
        break;
    }
    pending_.reserve(2 * piece_bytes);
}

ByteSink::~ByteSink() = default;

void ByteSink::write(std::string_view bytes) {
    pending_ += bytes;
    if (pending_.size() < piece_bytes) return;
    encoder_->encode(pending_);
    pending_.clear();
}

void ByteSink::finish() {
    encoder_->encode(pending_);
    pending_.clear();
    encoder_->finish();
    file_->close();
}

void write_file(const std::string& path, std::string_view bytes) {
    ByteSink sink(path, Compression::none);
    sink.write(bytes);
    sink.finish();
}

} // namespace tiercel::lab
