// Boost.JSON is compiled once, here, not linked: its parser is all that is used.
#include <boost/json/src.hpp>
