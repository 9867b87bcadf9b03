#pragma once

#include <string>
#include <string_view>

namespace tiercel::lab {

/// Gathers the elements of an SVG file.
class SvgText {
public:
    SvgText(double width, double height, std::string_view title);

    struct Point {
        double x = 0;
        double y = 0;
    };
    struct Box {
        double x = 0;
        double y = 0;
        double width = 0;
        double height = 0;
    };

    // `attributes` is SVG as it stands, to go into the element.
    void line(Point from, Point to, std::string_view attributes);
    void rectangle(Box box, std::string_view attributes);
    void text(Point at, std::string_view words, std::string_view attributes);
    /// Anything else.
    void raw(std::string_view element) { body_ += element; }

    std::string finish() &&;

    static std::string number(double value);
    static std::string escaped(std::string_view words);

private:
    std::string body_;
};

} // namespace tiercel::lab
