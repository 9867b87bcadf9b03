#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace tiercel::lab {

/// The bytes of a file, or of standard input ("-"), decompressed as their first bytes ask for: gzip, zstd (of any
/// number of members or frames), or as they are.
/// Thread safety: none.
/// Errors: throws Failure, naming the file: missing, unreadable, damaged, cut short, or compressed by something else.
class ByteSource {
public:
    explicit ByteSource(const std::string& path);
    ~ByteSource();

    /// Fills `into` from its front; gives fewer bytes only where the end comes.
    std::size_t read(std::span<char> into);

    /// How much of the file has been read, 0 to 1; 0 where that is not known.
    double progress() const noexcept;

private:
    class File;
    class Decoder;
    class Plain;
    class Gzip;
    class Zstd;

    std::unique_ptr<File> file_;
    std::unique_ptr<Decoder> decoder_;
};

} // namespace tiercel::lab
