// Asio and Beast are compiled once, here and in boost_beast.cpp, not in every file that uses them.
#include <boost/asio/impl/src.hpp>
