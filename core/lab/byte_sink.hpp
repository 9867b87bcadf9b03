#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace tiercel::lab {

enum class Compression : unsigned char { none, gzip, zstd };

/// Writes bytes to a file, or to standard output ("-"), compressed.
/// Thread safety: none.
/// Errors: throws Failure, naming the file. A file is complete only after finish().
class ByteSink {
public:
    ByteSink(const std::string& path, Compression compression);
    ~ByteSink();

    void write(std::string_view bytes);
    void finish();

private:
    class File;
    class Encoder;
    class Plain;
    class Gzip;
    class Zstd;

    std::unique_ptr<File> file_;
    std::unique_ptr<Encoder> encoder_;
    std::string pending_; ///< gathered, so that encoders see large pieces
};

/// The whole of a file at once.
void write_file(const std::string& path, std::string_view bytes);

} // namespace tiercel::lab
