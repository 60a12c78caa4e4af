// what a process of Node itself takes
process.exit()
