// what a process of Node itself takes
export {}
