from pkg.four import y
